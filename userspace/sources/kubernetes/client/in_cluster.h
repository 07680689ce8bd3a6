// SPDX-License-Identifier: Apache-2.0
// The API server and the service account of the pod that we run in.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_IN_CLUSTER_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_IN_CLUSTER_H_

#include <string>

#include "absl/status/statusor.h"
#include "userspace/sources/kubernetes/client/client_config.h"

namespace shunt::sources::kubernetes {

struct InClusterPlace {
  std::string host;       // KUBERNETES_SERVICE_HOST: an address of either family, or a DNS name; empty: no pod
  std::string port;       // KUBERNETES_SERVICE_PORT
  std::string directory;  // with `token` and `ca.crt`, as the kubelet mounts it

  // This process's.
  static InClusterPlace OfProcess();
};

// kFailedPrecondition: no pod, or one without a mounted service account; what to give instead. kInvalidArgument: host
// and port make no URL.
absl::StatusOr<ClientConfig> ReadInCluster(const InClusterPlace& place);

// Those of the service account's files that are there; all empty: no service account is mounted.
Credentials PodCredentials(const InClusterPlace& place);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_IN_CLUSTER_H_
