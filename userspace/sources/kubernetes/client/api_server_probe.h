// SPDX-License-Identifier: Apache-2.0
// Detects the one mistake in the configuration of an API server that looks right everywhere else: the address of the
// Service default/kubernetes, on a node where Shunt alone translates Services.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_API_SERVER_PROBE_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_API_SERVER_PROBE_H_

#include <chrono>

#include "absl/status/status.h"
#include "userspace/sources/kubernetes/client/api_socket.h"
#include "userspace/sources/kubernetes/client/client_config.h"
#include "userspace/sources/kubernetes/client/in_cluster.h"
#include "userspace/sources/kubernetes/client/proxy.h"

namespace shunt::sources::kubernetes {

inline constexpr std::chrono::milliseconds kProbeTimeout{2'000};

// Blocks for at most `timeout`. Returns kFailedPrecondition, with what to give instead, if every server of `client` is
// the address in the pod's environment (`pod`), which by default is a ClusterIP, and no TCP connection to it succeeds.
// The agent's own sockets are exempt from translation, so this does not change once Shunt runs. `prepare_socket` must
// be the transport's: pins in force would otherwise translate the probe, and never the transport's connections.
//
// Returns OK otherwise, also if no server answers: it may just be down. A refused connection is an answer too: this
// node or a machine knows the address. DNS names and connections through a proxy are not judged.
//
// The verdict is the same if that environment holds the address of a machine that is off: a caller that has something
// to serve meanwhile, pins or a snapshot, should report the error and go on.
absl::Status ProbeClusterIp(const ClientConfig& client, const InClusterPlace& pod, const ProxyEnvironment& proxies,
                            const PrepareSocket& prepare_socket, std::chrono::milliseconds timeout = kProbeTimeout);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_API_SERVER_PROBE_H_
