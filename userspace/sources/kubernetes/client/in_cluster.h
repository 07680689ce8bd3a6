// SPDX-License-Identifier: Apache-2.0
// The API server and the service account of the pod in which this process runs.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_IN_CLUSTER_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_IN_CLUSTER_H_

#include <string>

#include "absl/status/statusor.h"
#include "userspace/sources/kubernetes/client/client_config.h"

namespace shunt::sources::kubernetes {

struct InClusterPlace {
  std::string host;       // KUBERNETES_SERVICE_HOST: an address of either family, or a DNS name; empty: not a pod
  std::string port;       // KUBERNETES_SERVICE_PORT
  std::string directory;  // with `token` and `ca.crt`, as the kubelet mounts it

  // Reads this process's environment.
  static InClusterPlace OfProcess();
};

// Returns kFailedPrecondition, with what to give instead, if this is not a pod or has no service account mounted, and
// kInvalidArgument if host and port do not form a URL.
absl::StatusOr<ClientConfig> ReadInCluster(const InClusterPlace& place);

// Returns the service account's files that exist; all are empty if no service account is mounted.
Credentials PodCredentials(const InClusterPlace& place);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_IN_CLUSTER_H_
