// SPDX-License-Identifier: Apache-2.0
// What the loop has planned for every Service and how far the kernel obeys: written by the loop, read by the
// admin API's threads without waiting for the loop.
#ifndef SHUNT_AGENT_CONTROL_LEDGER_H_
#define SHUNT_AGENT_CONTROL_LEDGER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "userspace/model/service_plan.h"
#include "userspace/report/agent_metrics.h"
#include "userspace/report/agent_status.h"
#include "userspace/report/health_state.h"
#include "userspace/report/service_warnings.h"

namespace shunt::agent {

// Thread-safe. No call holds the lock for longer than one page takes, so neither side makes the other wait.
class Ledger {
 public:
  struct Entry {
    std::shared_ptr<const model::ServicePlan> plan;  // never null
    absl::Status applied;                            // OK: the kernel holds the plan
  };
  struct Totals {
    // What the kernel holds: of a Service whose plan is not applied, what the last one that was applied gave it. What
    // an earlier agent left counts only once this one has applied a plan of its own.
    uint32_t services = 0;   // with at least one ServicePort in the kernel
    uint32_t frontends = 0;  // of those Services, only the programmed ones
    uint32_t failed = 0;     // entries not applied
    // By the plans, applied or not.
    report::LocalMisses local_misses;
    report::WarnedServices warned = {};
  };

  // Replaces the Service's entry. If `applied` is not OK, the kernel still holds what the last applied plan gave it.
  void Record(std::shared_ptr<const model::ServicePlan> plan, absl::Status applied);
  void Erase(const model::ObjectName& service);

  std::optional<Entry> Find(const model::ObjectName& service) const;
  // Returns the first `limit` entries in name order after `last` (nullptr: from the beginning). Each entry is complete;
  // a walk by pages sees each Service as it is when its page is read.
  std::vector<Entry> PageAfter(const model::ObjectName* last, size_t limit) const;
  Totals totals() const;
  // Returns the health checks of the Services with a healthCheckNodePort, in name order, IPv4 before IPv6.
  std::vector<report::ServiceHealth> HealthChecks() const;
  // Returns the Services that the kernel does not hold as planned, in name order: at most `limit` problems, followed by
  // one that says how many more there are.
  std::vector<report::StatusProblem> Problems(size_t limit) const;
  // Returns what is wrong with Services by their owners' doing, in name order, one warning for each Service and kind:
  // at most `limit`, followed by one that says how many more Services have some.
  std::vector<report::ServiceWarning> Warnings(size_t limit) const;

 private:
  // What the kernel holds of a Service.
  struct Held {
    uint32_t services;  // 1 or 0
    uint32_t frontends;
  };
  struct Known {
    Entry entry;
    Held held;
  };

  static Held HeldBy(const model::ServicePlan& plan);
  void Count(const Known& known, int sign) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable std::mutex mutex_;
  absl::btree_map<model::ObjectName, Known> entries_ ABSL_GUARDED_BY(mutex_);
  absl::btree_set<model::ObjectName> failed_ ABSL_GUARDED_BY(mutex_);  // those that Problems() looks at
  absl::btree_set<model::ObjectName> warned_ ABSL_GUARDED_BY(mutex_);  // those that Warnings() looks at
  absl::btree_set<model::ObjectName> health_checked_ ABSL_GUARDED_BY(mutex_);
  Totals totals_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_LEDGER_H_
