// SPDX-License-Identifier: Apache-2.0
// The sockets that lead to API servers: what they are told before they connect.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_API_SOCKET_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_API_SOCKET_H_

#include <chrono>
#include <functional>

#include "absl/status/status.h"

namespace shunt::sources::kubernetes {

// How long a peer that says nothing, and acknowledges nothing, is believed to live. A watch is silent for minutes when
// nothing happens, so the kernel asks: first after `keepalive_idle`, then every `keepalive_interval`. The defaults find
// a dead peer within 30 s (20 s to 25 s), idle or not.
struct ConnectionTimers {
  std::chrono::milliseconds connect{5'000};  // name, TCP over all addresses of both families, proxy and TLS together
  std::chrono::seconds keepalive_idle{10};
  std::chrono::seconds keepalive_interval{5};
  int keepalive_probes = 3;
  // Without an acknowledgement, of bytes or of a question; beats keepalive_probes where the kernel has both.
  std::chrono::milliseconds unacknowledged{20'000};
};

// Called with every socket before it connects, by whichever thread runs the transport.
using PrepareSocket = std::function<absl::Status(int fd)>;

// A socket as of socket(2), close-on-exec, with the timers set on it if it is TCP; -1 and errno: there is none.
int OpenApiSocket(int family, int type, int protocol, const ConnectionTimers& timers);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_API_SOCKET_H_
