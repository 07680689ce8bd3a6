// SPDX-License-Identifier: Apache-2.0
// A view of an agent with given answers, and a small cluster with one of everything for tests of the admin API and of
// shuntctl.
#ifndef SHUNT_ADMIN_TESTING_SCRIPTED_AGENT_H_
#define SHUNT_ADMIN_TESTING_SCRIPTED_AGENT_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/report/agent_view.h"

namespace shunt::admin::testing {

// Answers with these values. They must not change while another thread asks.
class ScriptedAgent : public report::AgentView {
 public:
  absl::StatusOr<report::AgentStatus> Status() const override;
  absl::Status Services(const std::function<bool(const report::ServiceStatus&)>& visit) const override;
  absl::StatusOr<std::optional<report::ServiceStatus>> Service(const model::ObjectName& name) const override;
  absl::StatusOr<std::vector<report::BackendStatus>> Backends() const override;
  absl::StatusOr<report::DeviceReport> Devices() const override;
  absl::Status DumpMap(absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) const override;
  absl::StatusOr<report::AuditReport> Audit() const override;

  report::AgentStatus status;
  std::vector<report::ServiceStatus> services;  // in name order
  std::vector<report::BackendStatus> backends;
  report::DeviceReport devices;
  std::map<std::string, std::vector<report::MapRow>> maps;
  absl::StatusOr<report::AuditReport> audit = report::AuditReport{.time_ms = 1'763'850'100'000};
  absl::Status unreadable;  // if not OK: the answer to every question
};

// Three Services: default/kubernetes, healthy; shop/cart with weights, a Local policy, a drained, a terminating and a
// malformed endpoint; shop/search without endpoints, in conflict, not applied. Every map has a row.
ScriptedAgent SmallCluster();

// The same cluster, watched at an API server that does not answer just now: the watch of one resource works, one has a
// list held back, one has never been listed. The last audit found differences.
ScriptedAgent FollowingCluster();

}  // namespace shunt::admin::testing

#endif  // SHUNT_ADMIN_TESTING_SCRIPTED_AGENT_H_
