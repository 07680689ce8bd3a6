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
#include "userspace/report/agent_view.h"
#include "userspace/report/pinned_maps.h"

namespace shunt::agent {

// The parts that a LiveView asks. All must outlive it.
struct LiveSources {
  // What never changes while the agent runs: version to start_time_ms, programs_current, and in `problems` what
  // went wrong at the start.
  report::AgentStatus identity;
  const Ledger& ledger;
  Loop& loop;
  // Called by any thread; null: there is nothing to say.
  std::function<report::SocketSweeps()> socket_sweeps;
  // The same.
  std::function<report::SourceStatus()> source_status;
  // What else goes wrong, now; null: nothing can. Called by any thread.
  std::function<std::vector<report::StatusProblem>()> more_problems;
  report::OpenPinnedMaps open_maps;
};

class LiveView final : public report::AgentView, public report::MetricsView {
 public:
  explicit LiveView(LiveSources sources) : from_(std::move(sources)) {}

  // Maps that cannot be read are a problem in the status, and leave counts at zero in the other answers.
  absl::StatusOr<report::AgentStatus> Status() const override;
  absl::Status Services(const std::function<bool(const report::ServiceStatus&)>& visit) const override;
  absl::StatusOr<std::optional<report::ServiceStatus>> Service(const model::ObjectName& name) const override;
  absl::StatusOr<std::vector<report::BackendStatus>> Backends() const override;
  absl::Status DumpMap(absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) const override;
  absl::StatusOr<report::AuditReport> Audit() const override;
  report::MetricsSnapshot Metrics() const override;

 private:
  report::AgentStatus StatusNow() const;

  const LiveSources from_;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SERVE_LIVE_VIEW_H_
