// SPDX-License-Identifier: Apache-2.0
// A datapath that records what it was given and fails on request.
#ifndef SHUNT_AGENT_TESTING_RECORDING_DATAPATH_H_
#define SHUNT_AGENT_TESTING_RECORDING_DATAPATH_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "userspace/datapath/datapath.h"

namespace shunt::agent {

// Records one line per Apply: "all: a b" or "changed: b"; a plan without ports is "-b".
class RecordingDatapath : public datapath::Datapath {
 public:
  std::vector<datapath::ServiceFailure> Apply(absl::Span<const model::ServicePlan* const> plans,
                                              datapath::ApplyScope scope) override {
    std::vector<std::string> words;
    std::vector<datapath::ServiceFailure> failed;
    for (const model::ServicePlan* plan : plans) {
      const std::string& name = plan->service.name;
      words.push_back(absl::StrCat(plan->ports.empty() ? "-" : "", name));
      if (const auto failure = failures.find(name); failure != failures.end() && failures_left != 0) {
        if (failures_left > 0) --failures_left;
        failed.push_back({plan->service, failure->second, partners[name], may_fit_soon.contains(name)});
      } else if (plan->ports.empty()) {
        holds.erase(name);
      } else {
        holds[name] = *plan;
      }
    }
    const absl::string_view kind = scope == datapath::ApplyScope::kAll ? "all:" : "changed:";
    applies.push_back(absl::StrJoin(words, " "));
    applies.back().insert(0, absl::StrCat(kind, words.empty() ? "" : " "));
    if (scope == datapath::ApplyScope::kAll) {
      for (const model::ObjectName& name : stuck_leftovers) failed.push_back({name, absl::UnavailableError("stuck")});
    }
    return failed;
  }
  absl::Status SetNodeAddresses(absl::Span<const datapath::NodeAddress> addresses) override {
    ++address_calls;
    if (address_status.ok()) node_addresses.assign(addresses.begin(), addresses.end());
    return address_status;
  }
  datapath::Inspected Inspect(size_t, datapath::PlanOf) override {
    ++inspections;
    return inspected;
  }
  absl::StatusOr<datapath::Drift> Audit(absl::Span<const model::ServicePlan* const> plans,
                                        absl::Span<const datapath::NodeAddress> addresses) override {
    datapath::Drift drift = audit_drift;
    drift.failures = Apply(plans, datapath::ApplyScope::kAll);
    node_addresses.assign(addresses.begin(), addresses.end());
    if (!audit_status.ok()) return audit_status;
    return drift;
  }
  absl::Status GiveSignOfLife(std::chrono::milliseconds boot_time) override {
    last_sign_of_life = boot_time;
    ++signs_of_life;
    return absl::OkStatus();
  }
  void Reclaim() override {}
  int announcements() const override { return announced_fd; }
  void FollowAnnouncements() override {
    ++follows;
    if (on_follow != nullptr) on_follow();
  }

  std::vector<std::string> TakeApplies() { return std::exchange(applies, {}); }

  std::map<std::string, absl::Status> failures;                    // by Service name
  std::map<std::string, std::vector<model::ObjectName>> partners;  // of failures, by Service name
  std::set<std::string> may_fit_soon;                              // of failures, by Service name
  int failures_left = -1;                                          // below 0: without end
  std::vector<model::ObjectName> stuck_leftovers;  // Services of an earlier agent that cannot be removed
  std::vector<std::string> applies;
  std::map<std::string, model::ServicePlan> holds;
  datapath::Drift audit_drift;  // what an audit finds, besides the failures of its repair
  absl::Status audit_status;
  std::atomic<datapath::Inspected> inspected = datapath::Inspected::kAgrees;
  std::atomic<int> inspections = 0;
  absl::Status address_status;
  std::atomic<int> address_calls = 0;
  std::vector<datapath::NodeAddress> node_addresses;
  std::atomic<std::chrono::milliseconds> last_sign_of_life{};
  std::atomic<int> signs_of_life = 0;
  int announced_fd = -1;
  std::atomic<int> follows = 0;
  std::function<void()> on_follow;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_TESTING_RECORDING_DATAPATH_H_
