// SPDX-License-Identifier: Apache-2.0
// The sockets to API servers, and how they are set up before they connect.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_API_SOCKET_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_API_SOCKET_H_

#include <chrono>
#include <functional>

#include "absl/status/status.h"

namespace shunt::sources::kubernetes {

// When a peer that sends and acknowledges nothing counts as dead. A watch is silent for minutes when nothing happens,
// so the kernel sends keepalive probes: the first after `keepalive_idle`, further ones every `keepalive_interval`. With
// the defaults a dead peer is found within 30 s (20 s to 25 s), whether the connection is idle or not.
struct ConnectionTimers {
  std::chrono::milliseconds connect{5'000};  // name, TCP over all addresses of both families, proxy and TLS together
  std::chrono::seconds keepalive_idle{10};
  std::chrono::seconds keepalive_interval{5};
  int keepalive_probes = 3;
  // How long bytes or a probe may stay unacknowledged; overrides keepalive_probes where the kernel has both.
  std::chrono::milliseconds unacknowledged{20'000};
};

// Called with every socket before it connects, in the thread that runs the transport.
using PrepareSocket = std::function<absl::Status(int fd)>;

// Returns a socket from socket(2), close-on-exec and, if it is TCP, with the timers set. Returns -1 and sets errno if
// there is none.
int OpenApiSocket(int family, int type, int protocol, const ConnectionTimers& timers);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_API_SOCKET_H_
