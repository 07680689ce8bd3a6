// SPDX-License-Identifier: Apache-2.0
// The source behind --kubeconfig, --api-server and in-cluster configuration: Services, EndpointSlices and this node's
// Node, followed by list and watch.
#ifndef SHUNT_SOURCES_KUBERNETES_KUBERNETES_SOURCE_H_
#define SHUNT_SOURCES_KUBERNETES_KUBERNETES_SOURCE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "userspace/report/reflector_status.h"
#include "userspace/sources/kubernetes/client/transport.h"
#include "userspace/sources/kubernetes/follow/api_servers.h"
#include "userspace/sources/kubernetes/follow/discovered_servers.h"
#include "userspace/sources/kubernetes/follow/reflector.h"
#include "userspace/sources/source.h"

namespace shunt::sources::kubernetes {

struct KubernetesSourceOptions {
  std::string node_name;           // the node whose Node is followed
  std::vector<ApiServer> servers;  // the preferred one first; REQUIRES: at least one
  // Base URLs that an earlier run has discovered; they are tried after the configured ones.
  std::vector<std::string> discovered_servers;
  // If false, only the configured servers are asked: without a certificate that proves who answers
  // (insecure-skip-tls-verify), a forged EndpointSlice would get the token.
  bool discovers_servers = true;
  // Seeds the random parts of delays. Each node of a cluster needs another one.
  uint64_t seed = 0;
  // What is known from before this process started. The caller has delivered the objects in `delivered` to the sink
  // itself.
  Remembered services;
  Remembered endpoint_slices;
  Remembered node;
  // When the snapshot behind `delivered` was written, since 1970; 0 without a snapshot.
  int64_t snapshot_time_ms = 0;
  // Called in Run's thread with the API servers that the cluster itself names, whenever they change; they serve the
  // next run as discovered_servers. May be empty.
  std::function<void(const std::vector<std::string>&)> on_servers_discovered;
};

class KubernetesSource final : public Source {
 public:
  KubernetesSource(KubernetesSourceOptions options, std::unique_ptr<Transport> transport);

  // Never gives up: a failure is reported as a problem and tried again. The changes of one resource in one turn of the
  // transport are one Deliver. Calls Synced when all three resources are synced, and Progress whenever a resource is
  // complete at a newer version. To be called once.
  absl::Status Run(Sink& sink, std::stop_token stop) override;

  // Returns the status of the last turn. Thread-safe.
  report::SourceStatus status() const;

 private:
  void Deliver(Reflector& reflector, Sink& sink);
  void Discover(const std::vector<Event>& events);
  void ReportProgress(const Reflector& reflector, Sink& sink);
  void Conclude(SteadyTime now, Sink& sink);

  const std::function<void(const std::vector<std::string>&)> on_servers_discovered_;
  const bool discovers_servers_;
  const int64_t snapshot_time_ms_;
  const std::unique_ptr<Transport> transport_;
  ApiServers servers_;
  DiscoveredServers discovered_;
  std::array<std::unique_ptr<Reflector>, 3> reflectors_;  // by ObjectKind
  std::array<std::string, 3> progress_;                   // the versions that Sink::Progress was called with
  bool synced_ = false;
  std::vector<SourceProblem> reported_;

  mutable std::mutex status_mutex_;
  report::SourceStatus status_;  // guarded by status_mutex_
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_KUBERNETES_SOURCE_H_
