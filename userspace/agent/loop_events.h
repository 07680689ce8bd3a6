// SPDX-License-Identifier: Apache-2.0
// What the rest of the agent does when the loop has done something: it says that it is ready and how many Services it
// serves, keeps the servers of healthCheckNodePorts and the snapshot up to date, and remembers how far the source is.
#ifndef SHUNT_AGENT_LOOP_EVENTS_H_
#define SHUNT_AGENT_LOOP_EVENTS_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "userspace/admin/server.h"
#include "userspace/agent/cluster_source.h"
#include "userspace/agent/control/ledger.h"
#include "userspace/agent/control/loop.h"
#include "userspace/agent/serve/http_servers.h"
#include "userspace/agent/settings/options.h"
#include "userspace/agent/snapshot_thread.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/datapath/kernel/node_addresses.h"
#include "userspace/model/ip_address.h"
#include "userspace/report/source_version.h"

namespace shunt::agent {

// The parts that follow the loop. All must outlive the LoopEvents.
struct LoopFollowers {
  const Options& options;
  datapath::KernelDatapath& datapath;
  const Ledger& ledger;
  const Loop& loop;
  const datapath::NodeAddressWatch& addresses;
  const ClusterSource& source;
  SnapshotThread* snapshot;  // null if no snapshot is kept
  HttpServers& http;
  admin::AdminServer& admin;
};

// Methods of LoopListener are called in the loop's thread.
class LoopEvents final : public LoopListener {
 public:
  // `versions`: by sources::ObjectKind, how far an earlier agent had followed the source.
  LoopEvents(const LoopFollowers& followers, const std::array<report::SourceVersion, 3>& versions)
      : followers_(followers), versions_(versions) {}

  // Tells the service manager what is awaited, before the loop runs. If the kernel serves what an earlier agent left
  // there, the agent is ready already: it may take long until an API server answers, and a service manager that ended
  // the agent meanwhile would only hinder it.
  void Started(bool kernel_serves);
  // Everything is applied: this build's programs replace those that could not be replaced before, and the agent is
  // ready: the admin API's health service and the service manager learn of it.
  void FirstApplied() override;
  void Stepped() override;
  void Progressed(sources::ObjectKind kind, const report::SourceVersion& version) override;
  bool Changed(sources::ClusterView view) override;
  std::chrono::milliseconds ViewPace() const override;

  // Tells the service manager that the agent stops. In any thread.
  static void Stopping();

 private:
  std::vector<model::IpAddress> HealthCheckAddresses() const;
  void TakeOver();

  const LoopFollowers followers_;
  std::array<report::SourceVersion, 3> versions_;
  bool applied_ = false;         // FirstApplied was called
  uint64_t told_services_ = 0;   // the number that the service manager was told last
  std::string version_problem_;  // why the last version could not be saved; empty if it was
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_LOOP_EVENTS_H_
