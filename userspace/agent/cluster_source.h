// SPDX-License-Identifier: Apache-2.0
// The agent's one source, as it was configured: a directory of manifests, or the Kubernetes API with what an earlier
// agent has left behind of it.
#ifndef SHUNT_AGENT_CLUSTER_SOURCE_H_
#define SHUNT_AGENT_CLUSTER_SOURCE_H_

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/agent/settings/options.h"
#include "userspace/report/reflector_status.h"
#include "userspace/report/source_version.h"
#include "userspace/sources/source.h"

namespace shunt::agent {

// What a source gets from the rest of the agent.
struct SourceSurroundings {
  // By sources::ObjectKind: how far an earlier agent had followed the API, as it stands beside the pins.
  std::array<report::SourceVersion, 3> versions;
  // The kernel has something to serve already: then a snapshot, which is older, has nothing to add.
  bool kernel_serves = false;
  // So long an API server has to answer, on a node whose kernel serves nothing, before the snapshot is served. Long
  // enough for one that is there, short enough for pods that wait for DNS.
  std::chrono::milliseconds patience{5'000};
  // Keeps a socket of the source from being translated, before it connects. Called in Run's thread.
  std::function<absl::Status(int fd)> exempt_socket;
  // Base URLs of API servers that the cluster itself names, whenever they change. Called in Run's thread.
  std::function<void(std::vector<std::string>)> on_servers_learned;
};

class ClusterSource : public sources::Source {
 public:
  // Whether the configuration can be meant, before anything is touched. kInvalidArgument: it cannot.
  static absl::Status Check(const Options& options);
  // kInvalidArgument: the configuration cannot be meant. kFailedPrecondition: no API server can be reached this way.
  static absl::StatusOr<std::unique_ptr<ClusterSource>> Open(const Options& options, SourceSurroundings surroundings);

  // "manifests /etc/shunt/manifests", "kubernetes https://10.0.0.1:6443".
  virtual std::string Description() const = 0;
  // Without reflectors: there are none. With a snapshot's time: what has been delivered is that snapshot's.
  // Thread-safe.
  virtual report::SourceStatus status() const = 0;
};

// Where the snapshot of the cluster is kept; empty: nowhere.
std::string SnapshotPath(const Options& options);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CLUSTER_SOURCE_H_
