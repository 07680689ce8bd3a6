// SPDX-License-Identifier: Apache-2.0
// Makes the agent's source from its options: a directory of manifests, or the Kubernetes API.
#ifndef SHUNT_AGENT_OPEN_CLUSTER_SOURCE_H_
#define SHUNT_AGENT_OPEN_CLUSTER_SOURCE_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/agent/cluster_source.h"
#include "userspace/agent/kubernetes_cluster.h"
#include "userspace/agent/settings/options.h"

namespace shunt::agent {

// Validates the configuration of the source without touching anything. kInvalidArgument if it cannot work.
absl::Status CheckClusterSource(const Options& options);

// kInvalidArgument if the configuration cannot work; kFailedPrecondition if no API server is reachable at the
// configured address and there is nothing to serve meanwhile.
absl::StatusOr<std::unique_ptr<ClusterSource>> OpenClusterSource(const Options& options, SourceEnvironment environment);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_OPEN_CLUSTER_SOURCE_H_
