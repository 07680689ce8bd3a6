// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/loop_events.h"

#include <malloc.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "userspace/agent/process/log.h"
#include "userspace/agent/process/service_notify.h"

namespace shunt::agent {
namespace {

void Notify(absl::string_view state) {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  const absl::Status status = NotifySupervisor(socket == nullptr ? "" : socket, state);
  if (!status.ok()) LogError(status, "sd_notify failed");
}

}  // namespace

void LoopEvents::Started(bool kernel_serves) {
  const std::string awaited = followers_.source.Description();
  Notify(kernel_serves ? absl::StrCat("READY=1\nSTATUS=serving what an earlier agent left; waiting for ", awaited)
                       : absl::StrCat("STATUS=serving nothing yet; waiting for ", awaited));
}

void LoopEvents::FirstApplied() {
  TakeOver();
  ::malloc_trim(0);  // the memory that it took to read everything at once is not needed again
  followers_.admin.SetServing(true);
  applied_ = true;
  told_services_ = followers_.ledger.totals().services;
  Notify(absl::StrCat("READY=1\nSTATUS=", told_services_, " services"));
}

void LoopEvents::TakeOver() {
  datapath::KernelDatapath& datapath = followers_.datapath;
  if (datapath.programs_current()) return;
  const absl::Status status = datapath.TakeOver();
  if (!status.ok()) LogError(status, "Could not put this build's programs in force");
}

void LoopEvents::Stepped() {
  if (const uint64_t services = followers_.ledger.totals().services; applied_ && services != told_services_) {
    told_services_ = services;
    Notify(absl::StrCat("STATUS=", services, " services"));
  }
  if (!followers_.options.health_check_node_ports) return;
  followers_.http.SetNodePortAddresses(HealthCheckAddresses());
  followers_.http.Follow();
}

// healthCheckNodePorts answer at the addresses at which NodePorts do, as kube-proxy's do: at all of them by one
// listener for each family, unless that would also listen on addresses of Services.
std::vector<model::IpAddress> LoopEvents::HealthCheckAddresses() const {
  if (followers_.options.node_port_addresses.IsEverywhere() && !followers_.addresses.has_service_device()) {
    return {model::IpAddress::Unspecified(model::IpFamily::kV4), model::IpAddress::Unspecified(model::IpFamily::kV6)};
  }
  std::vector<model::IpAddress> addresses;
  for (const datapath::NodeAddress& local : followers_.loop.NodePortAddresses()) addresses.push_back(local.address);
  return addresses;
}

void LoopEvents::Progressed(sources::ObjectKind kind, const report::SourceVersion& version) {
  versions_[static_cast<size_t>(kind)] = version;
  const absl::Status status = followers_.datapath.KeepSourceVersion(static_cast<uint32_t>(kind), version);
  const std::string problem(status.message());
  if (!status.ok() && problem != version_problem_) {
    LogError(status, "Could not save the source version; after a restart older state may be accepted");
  }
  version_problem_ = problem;
}

bool LoopEvents::Changed(sources::ClusterView view) {
  if (followers_.snapshot == nullptr) return true;
  // While a snapshot is served, it is the newest state there is: saving it again would only make it look newer.
  if (followers_.source.status().snapshot_time_ms != 0) return false;
  followers_.snapshot->Offer({std::move(view), versions_});
  return true;
}

std::chrono::milliseconds LoopEvents::ViewPace() const {
  return followers_.snapshot == nullptr ? kSnapshotIntervalMost : followers_.options.snapshot_interval;
}

void LoopEvents::Stopping() {
  Notify("STOPPING=1");
}

}  // namespace shunt::agent
