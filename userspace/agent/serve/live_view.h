// SPDX-License-Identifier: Apache-2.0
// The running agent's answers, put together from the ledger and from the maps. Maps are read beside the loop: a query
// neither waits for the loop nor delays it, except that Audit waits for the report.
#ifndef SHUNT_AGENT_SERVE_LIVE_VIEW_H_
#define SHUNT_AGENT_SERVE_LIVE_VIEW_H_

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/agent/control/ledger.h"
#include "userspace/agent/control/loop.h"
#include "userspace/report/agent_metrics.h"
#include "userspace/report/agent_status.h"
#include "userspace/report/agent_view.h"
#include "userspace/report/device_report.h"
#include "userspace/report/pinned_maps.h"
#include "userspace/report/reflector_status.h"
#include "userspace/report/socket_sweep.h"

namespace shunt::agent {

// The parts of the agent beside its loop, as its status shows them. Thread-safe.
class AgentParts {
 public:
  virtual ~AgentParts() = default;

  virtual report::SocketSweeps socket_sweeps() const = 0;
  virtual report::SourceStatus source_status() const = 0;
  // Whether the programs in force are this build's.
  virtual bool programs_current() const = 0;
  // The devices as the packet path has them; none without one.
  virtual report::DeviceReport devices() const = 0;
  // What goes wrong now. The loop and the ledger report their own problems.
  virtual std::vector<report::StatusProblem> Problems() const = 0;
};

class LiveView final : public report::AgentView, public report::MetricsView {
 public:
  // `identity` is what does not change while the agent runs: version to start_time_ms, observing (it counts only if the
  // maps, which say what the programs in force do, cannot be read), and in `problems` what was wrong at the start and
  // stays so. The parts must outlive the view.
  LiveView(report::AgentStatus identity, const Ledger& ledger, Loop& loop, const AgentParts& parts,
           report::OpenPinnedMaps open_maps)
      : identity_(std::move(identity)), ledger_(ledger), loop_(loop), parts_(parts), open_maps_(std::move(open_maps)) {}

  // Maps that cannot be read are one of the status's problems. Then Services have counts of zero, Backends returns
  // none, and DumpMap returns the error.
  absl::StatusOr<report::AgentStatus> Status() const override;
  absl::Status Services(const std::function<bool(const report::ServiceStatus&)>& visit) const override;
  absl::StatusOr<std::optional<report::ServiceStatus>> Service(const model::ObjectName& name) const override;
  absl::StatusOr<std::vector<report::BackendStatus>> Backends() const override;
  absl::StatusOr<report::DeviceReport> Devices() const override;
  absl::Status DumpMap(absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) const override;
  absl::StatusOr<report::AuditReport> Audit() const override;
  report::MetricsSnapshot Metrics() const override;

 private:
  report::AgentStatus StatusNow() const;
  report::AgentStatus StatusWithoutMaps() const;

  const report::AgentStatus identity_;
  const Ledger& ledger_;
  Loop& loop_;
  const AgentParts& parts_;
  const report::OpenPinnedMaps open_maps_;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SERVE_LIVE_VIEW_H_
