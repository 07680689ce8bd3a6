// SPDX-License-Identifier: Apache-2.0
// Chooses the API servers and credentials from the places that can name them: flags, kubeconfig, the pod.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_CLIENT_CHOICE_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_CLIENT_CHOICE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "userspace/sources/kubernetes/client/client_config.h"
#include "userspace/sources/kubernetes/client/in_cluster.h"

namespace shunt::sources::kubernetes {

// What the user has configured; every field may be empty.
struct ClientChoice {
  std::string kubeconfig;                // path
  std::vector<std::string> api_servers;  // URLs
  InClusterPlace pod;
};

// Takes the servers from `api_servers`, else from the kubeconfig, else from the pod. Takes the credentials from the
// kubeconfig, else from the pod; `api_servers` without either has none. A kubeconfig's TLS server name and proxy apply
// to `api_servers` too: they are further addresses of the same cluster. Returns the errors of ReadKubeconfig and
// ReadInCluster; kInvalidArgument if `api_servers` has something that is not a URL; kFailedPrecondition if nothing is
// configured and this is not a pod.
absl::StatusOr<ClientConfig> ChooseClientConfig(const ClientChoice& choice);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_CLIENT_CHOICE_H_
