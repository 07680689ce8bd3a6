// SPDX-License-Identifier: Apache-2.0
// The Kubernetes API as the agent's source, over libcurl, and the snapshot for as long as no API server answers.
#ifndef SHUNT_AGENT_KUBERNETES_CLUSTER_H_
#define SHUNT_AGENT_KUBERNETES_CLUSTER_H_

#include <memory>
#include <mutex>
#include <string>

#include "userspace/agent/cluster_source.h"
#include "userspace/sources/kubernetes/client/client_config.h"
#include "userspace/sources/kubernetes/kubernetes_source.h"
#include "userspace/sources/kubernetes/snapshot/snapshot.h"

namespace shunt::agent {

class KubernetesCluster final : public ClusterSource {
 public:
  // As ClusterSource::Check and ClusterSource::Open. Open waits for at most kProbeTimeout.
  static absl::Status Check(const Options& options);
  static absl::StatusOr<std::unique_ptr<ClusterSource>> Open(const Options& options, SourceSurroundings surroundings);

  absl::Status Run(sources::Sink& sink, std::stop_token stop) override;
  std::string Description() const override;
  report::SourceStatus status() const override;

 private:
  KubernetesCluster(const Options& options, sources::kubernetes::ClientConfig client, SourceSurroundings surroundings);

  // What an earlier agent knew; `delivered` is added by ServeSnapshot.
  sources::kubernetes::KubernetesSourceOptions SourceOptions() const;
  // Ends early, having delivered nothing, if it is not synced while there is patience.
  absl::Status FollowPatiently(sources::Sink& sink, std::stop_token stop);
  absl::Status Follow(sources::kubernetes::KubernetesSourceOptions options, sources::Sink& sink, std::stop_token stop);
  // Delivers the snapshot's objects, if it is good and this node's, and notes them in `options`.
  void ServeSnapshot(sources::kubernetes::KubernetesSourceOptions& options, sources::Sink& sink);
  void ReadLearnedServers();

  const std::string node_name_;
  const std::string snapshot_path_;
  const uint64_t seed_;
  const sources::kubernetes::ClientConfig client_;
  const SourceSurroundings surroundings_;
  std::vector<std::string> learned_servers_;  // by an earlier agent

  mutable std::mutex mutex_;
  // Below: guarded by mutex_.
  sources::kubernetes::KubernetesSource* running_ = nullptr;  // while it runs
  int64_t served_snapshot_ms_ = 0;                            // when what ServeSnapshot delivered was saved
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_KUBERNETES_CLUSTER_H_
