// SPDX-License-Identifier: Apache-2.0
// The Kubernetes API as the agent's source, over libcurl. While no API server answers, the snapshot of the cluster that
// an earlier agent saved is served instead.
#ifndef SHUNT_AGENT_KUBERNETES_CLUSTER_H_
#define SHUNT_AGENT_KUBERNETES_CLUSTER_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/agent/cluster_source.h"
#include "userspace/agent/settings/options.h"
#include "userspace/report/source_version.h"
#include "userspace/sources/kubernetes/client/client_config.h"
#include "userspace/sources/kubernetes/kubernetes_source.h"
#include "userspace/sources/kubernetes/snapshot/snapshot.h"

namespace shunt::agent {

// What the source gets from the rest of the agent.
struct SourceEnvironment {
  // By sources::ObjectKind: how far an earlier agent had followed the API, read from beside the pins.
  std::array<report::SourceVersion, 3> versions;
  // Whether the kernel holds Services of an earlier agent. They are newer than a snapshot, which is not served then.
  bool kernel_serves = false;
  // How long to wait for an API server before serving the snapshot, on a node whose kernel holds no Services. Long
  // enough for a server that runs, short enough for pods that wait for DNS.
  std::chrono::milliseconds patience{5'000};
  // Keeps a socket of the source from being translated. Called before the socket connects, in Run's thread.
  std::function<absl::Status(int fd)> exempt_socket;
  // Receives the base URLs of the API servers that the cluster itself names, whenever they change. Called in Run's
  // thread; may be null.
  std::function<void(std::vector<std::string>)> on_servers_discovered;
};

// Returns the path of the snapshot of the cluster; empty if none is kept.
std::string SnapshotPath(const Options& options);

class KubernetesCluster final : public ClusterSource {
 public:
  // As CheckClusterSource and OpenClusterSource. Open waits for at most kProbeTimeout.
  static absl::Status Check(const Options& options);
  static absl::StatusOr<std::unique_ptr<ClusterSource>> Open(const Options& options, SourceEnvironment environment);

  absl::Status Run(sources::Sink& sink, std::stop_token stop) override;
  std::string Description() const override;
  report::SourceStatus status() const override;

 private:
  KubernetesCluster(const Options& options, sources::kubernetes::ClientConfig client, SourceEnvironment environment);

  // The options with what an earlier agent knew; ServeSnapshot adds what it delivered.
  sources::kubernetes::KubernetesSourceOptions SourceOptions() const;
  // Ends early, having delivered nothing, if it is not synced when the patience ends.
  absl::Status FollowPatiently(sources::Sink& sink, std::stop_token stop);
  absl::Status Follow(sources::kubernetes::KubernetesSourceOptions options, sources::Sink& sink, std::stop_token stop);
  // Delivers the snapshot's objects and records them in `options`, if the snapshot is readable and this node's.
  void ServeSnapshot(sources::kubernetes::KubernetesSourceOptions& options, sources::Sink& sink);
  void ReadDiscoveredServers();

  const std::string node_name_;
  const std::string snapshot_path_;
  const uint64_t seed_;
  const sources::kubernetes::ClientConfig client_;
  const SourceEnvironment environment_;
  std::vector<std::string> discovered_servers_;  // URLs that an earlier agent discovered

  mutable std::mutex mutex_;
  // mutex_ guards both.
  sources::kubernetes::KubernetesSource* running_ = nullptr;  // null while none runs
  int64_t served_snapshot_ms_ = 0;                            // when the snapshot that was delivered had been saved
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_KUBERNETES_CLUSTER_H_
