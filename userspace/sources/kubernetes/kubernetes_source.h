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
  std::string node_name;           // whose Node is followed
  std::vector<ApiServer> servers;  // the preferred one first; REQUIRES: at least one
  // Base URLs that an earlier run has learned, tried after the configured ones.
  std::vector<std::string> discovered_servers;
  // False: only the configured ones are ever asked, because no certificate proves who answers
  // (insecure-skip-tls-verify), and a forged EndpointSlice would get the token.
  bool discovers_servers = true;
  // Of the delays' random parts. Nodes of a cluster need different ones.
  uint64_t seed = 0;
  // What was there before this process started. Objects in `delivered` have been given to the sink by someone else.
  Remembered services;
  Remembered endpoint_slices;
  Remembered node;
  // When the snapshot was written that `delivered` comes from, since 1970; 0: there is none.
  int64_t snapshot_time_ms = 0;
  // The API servers that the cluster itself names, whenever they change; worth keeping as discovered_servers of the
  // next run. Called in Run's thread; may be empty.
  std::function<void(const std::vector<std::string>&)> on_servers_discovered;
};

class KubernetesSource final : public Source {
 public:
  KubernetesSource(KubernetesSourceOptions options, std::unique_ptr<Transport> transport);

  // Never gives up: whatever fails is a problem that is reported, and tried again. What one turn of the transport
  // brings of one resource is one Deliver. Synced when all three resources are; Progress whenever a resource is
  // complete at a newer version. Call once.
  absl::Status Run(Sink& sink, std::stop_token stop) override;

  // As of the last turn. Thread-safe.
  report::SourceStatus status() const;

 private:
  void Deliver(Reflector& reflector, Sink& sink);
  void Learn(const std::vector<Event>& events);
  void SayProgress(const Reflector& reflector, Sink& sink);
  void Conclude(SteadyTime now, Sink& sink);

  const std::function<void(const std::vector<std::string>&)> on_servers_discovered_;
  const bool discovers_servers_;
  const int64_t snapshot_time_ms_;
  const std::unique_ptr<Transport> transport_;
  ApiServers servers_;
  DiscoveredServers learned_;
  std::array<std::unique_ptr<Reflector>, 3> reflectors_;  // by ObjectKind
  std::array<std::string, 3> progress_;                   // the versions that the sink was told
  bool synced_ = false;
  std::vector<SourceProblem> reported_;

  mutable std::mutex status_mutex_;
  report::SourceStatus status_;  // guarded by status_mutex_
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_KUBERNETES_SOURCE_H_
