// SPDX-License-Identifier: Apache-2.0
// Which of the places that can say how to reach the API server is believed.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_CLIENT_CHOICE_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_CLIENT_CHOICE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "userspace/sources/kubernetes/client/client_config.h"
#include "userspace/sources/kubernetes/client/in_cluster.h"

namespace shunt::sources::kubernetes {

// What the user chose; all may be empty.
struct ClientChoice {
  std::string kubeconfig;                // path
  std::vector<std::string> api_servers;  // URLs
  InClusterPlace pod;
};

// The servers are those of `api_servers`, else the kubeconfig's, else the pod's own. The credentials are the
// kubeconfig's, else the pod's; with `api_servers` and neither of them there are none. A kubeconfig's TLS server name
// and proxy hold for `api_servers` too: they are further addresses of the same cluster.
// Errors: those of ReadKubeconfig and ReadInCluster; kInvalidArgument: a URL of `api_servers` is none;
// kFailedPrecondition: nothing is chosen and this is no pod.
absl::StatusOr<ClientConfig> ChooseClientConfig(const ClientChoice& choice);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_CLIENT_CHOICE_H_
