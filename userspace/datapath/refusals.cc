// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/refusals.h"

namespace shunt::datapath {

bool Refusals::TryAgain(const model::ObjectName& service, Quarantine& quarantine) {
  const auto [place, is_first] = refusals_.try_emplace(service);
  Refusal& refusal = place->second;
  const bool has_tried = !is_first && quarantine.HasFreed(refusal.mark);
  if (has_tried) refusal.idle_tries = refusal.applied == applied_ ? refusal.idle_tries + 1 : 0;
  if (has_tried || is_first) {
    refusal.mark = quarantine.Mark();
    refusal.applied = applied_;
  }
  if (refusal.idle_tries < kIdleTriesMax && quarantine.MayFree()) return true;
  refusals_.erase(place);
  return false;
}

void Refusals::Settle(absl::Span<const model::ServicePlan* const> plans, absl::Span<const ServiceFailure> failures) {
  if (refusals_.empty()) return;
  absl::flat_hash_set<model::ObjectName> failed;
  for (const ServiceFailure& failure : failures) failed.insert(failure.service);
  for (const model::ServicePlan* plan : plans) {
    if (!failed.contains(plan->service)) applied_ += refusals_.erase(plan->service);
  }
}

}  // namespace shunt::datapath
