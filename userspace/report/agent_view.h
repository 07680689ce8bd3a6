// SPDX-License-Identifier: Apache-2.0
// What can be asked about this node's proxy. The live agent answers from its ledger and its maps, `shuntctl --offline`
// from the pins alone; the admin API turns either's answers into messages.
#ifndef SHUNT_REPORT_AGENT_VIEW_H_
#define SHUNT_REPORT_AGENT_VIEW_H_

#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/model/names.h"
#include "userspace/report/agent_status.h"
#include "userspace/report/audit_report.h"
#include "userspace/report/device_report.h"
#include "userspace/report/map_rows.h"

namespace shunt::report {

// Thread-safe. Every method reads the present state and may take some milliseconds, because it reads maps. A visitor
// returns false to end the visit, which is no error. Besides the errors below, every method may return why the state
// cannot be read.
class AgentView {
 public:
  virtual ~AgentView() = default;

  virtual absl::StatusOr<AgentStatus> Status() const = 0;

  // Visits the Services in name order. They are visited one at a time, because 100,000 plans copied at once would take
  // more memory than the agent.
  virtual absl::Status Services(const std::function<bool(const ServiceStatus&)>& visit) const = 0;

  // Returns nullopt if there is no such Service.
  virtual absl::StatusOr<std::optional<ServiceStatus>> Service(const model::ObjectName& name) const = 0;

  // Returns the backends in the order of their ids.
  virtual absl::StatusOr<std::vector<BackendStatus>> Backends() const = 0;

  virtual absl::StatusOr<DeviceReport> Devices() const = 0;

  // Visits the rows of one map. kNotFound names the maps that exist.
  virtual absl::Status DumpMap(absl::string_view map, const std::function<bool(const MapRow&)>& visit) const = 0;

  // Compares the maps with what is planned, now, and repairs them. Waits for the agent's loop, so it must not be called
  // from the loop's thread. kUnavailable if the agent is stopping; kUnimplemented if the view has no plans.
  virtual absl::StatusOr<AuditReport> Audit() const = 0;
};

}  // namespace shunt::report

#endif  // SHUNT_REPORT_AGENT_VIEW_H_
