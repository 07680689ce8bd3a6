// SPDX-License-Identifier: Apache-2.0
// Which Services were refused for want of rows, and whether it is worth trying them again at once.
#ifndef SHUNT_DATAPATH_REFUSALS_H_
#define SHUNT_DATAPATH_REFUSALS_H_

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "userspace/datapath/datapath.h"
#include "userspace/datapath/grace.h"
#include "userspace/datapath/quarantine.h"
#include "userspace/model/names.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// What becomes free is no measure of progress, because a giver whose taker is refused retires something at every try.
// What counts is that a Service that was refused has been applied. Not thread-safe.
class Refusals {
 public:
  // How many tries in a row, each of them after rows have become free, may pass without any progress. A write that
  // failed may succeed in the next one.
  static constexpr int kIdleTriesMax = 7;

  // Notes that the Service has been refused. Returns whether it may fit when rows in `quarantine` have become free, and
  // forgets it otherwise.
  bool TryAgain(const model::ObjectName& service, Quarantine& quarantine);
  // Forgets those of these Services that are not among the failures: they have been applied.
  void Settle(absl::Span<const model::ServicePlan* const> plans, absl::Span<const ServiceFailure> failures);

  size_t size() const { return refusals_.size(); }

 private:
  struct Refusal {
    GracePeriod::Ticket mark = 0;  // what was to become free when it was refused
    uint64_t applied = 0;          // applied_ of that time
    int idle_tries = 0;
  };

  absl::flat_hash_map<model::ObjectName, Refusal> refusals_;
  uint64_t applied_ = 0;  // how many that were refused have been applied
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_REFUSALS_H_
