// SPDX-License-Identifier: Apache-2.0
// An agent of given answers, and a small cluster with one of everything for tests of the admin API and of shuntctl.
#ifndef SHUNT_ADMIN_TESTING_SCRIPTED_AGENT_H_
#define SHUNT_ADMIN_TESTING_SCRIPTED_AGENT_H_

#include <map>
#include <string>
#include <vector>

#include "userspace/report/agent_status.h"

namespace shunt::admin::testing {

// What each query answers. Not to be changed while somebody asks.
struct ScriptedAgent {
  report::AgentStatus status;
  std::vector<report::ServiceStatus> services;  // in name order
  std::vector<report::BackendStatus> backends;
  std::map<std::string, std::vector<report::MapRow>> maps;
  absl::StatusOr<report::AuditReport> audit = report::AuditReport{.time_ms = 1'763'850'100'000};

  // Answers from this object, which must outlive them.
  report::AgentQueries Queries() const;
};

// Three Services: default/kubernetes, healthy; shop/cart with weights, a Local policy, a drained, a terminating and a
// malformed endpoint; shop/search without endpoints, in conflict, not applied. Every map has a row.
ScriptedAgent SmallCluster();

// The same, watched at an API server that does not answer just now: one resource is as it should be, one has a list
// held back, one has never been listed. Its last audit found differences.
ScriptedAgent FollowingCluster();

}  // namespace shunt::admin::testing

#endif  // SHUNT_ADMIN_TESTING_SCRIPTED_AGENT_H_
