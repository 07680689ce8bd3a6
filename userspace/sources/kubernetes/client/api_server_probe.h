// SPDX-License-Identifier: Apache-2.0
// The one mistake in the configuration of an API server that looks right everywhere else: the address of the Service
// default/kubernetes, on a node where nobody but us translates Services.
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

// Blocks for at most `timeout`. kFailedPrecondition, with what to give instead: every server of `client` is the address
// in the pod's environment (`pod`), which by default is a ClusterIP, and no TCP connection to it comes about. The
// agent's own sockets are exempt from translation, so that stays so once Shunt runs, and with pins in force too:
// `prepare_socket` has to be the transport's, or the probe would be answered by what the transport never will.
//
// OK otherwise, whether or not a server answers: it may just be down. A refused connection is an answer, too: something
// on this node, or a machine, knows the address. Not judged are DNS names and what goes through a proxy.
//
// The same verdict arises where somebody put a machine's address into that environment and the machine is off: whoever
// has something to serve meanwhile, pins or a snapshot, should say it and go on.
absl::Status ProbeClusterIp(const ClientConfig& client, const InClusterPlace& pod, const ProxyEnvironment& proxies,
                            const PrepareSocket& prepare_socket, std::chrono::milliseconds timeout = kProbeTimeout);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_API_SERVER_PROBE_H_
