// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/pools.h"

#include <algorithm>

#include "userspace/planner/alias_table.h"

namespace shunt::planner {
namespace {

using model::EndpointVerdict;

// Returns whether the address itself is refused: Shunt never translates to it, so no flow leads there.
bool IsRefusedAddress(EndpointVerdict verdict) {
  switch (verdict) {
    case EndpointVerdict::kDuplicate:
    case EndpointVerdict::kNoPort:
    case EndpointVerdict::kBadAddress:
    case EndpointVerdict::kForbiddenAddress:
      return true;
    case EndpointVerdict::kSelected:
    case EndpointVerdict::kNotReady:
    case EndpointVerdict::kTerminating:
    case EndpointVerdict::kNotServing:
    case EndpointVerdict::kNotLocal:
    case EndpointVerdict::kOtherZone:
    case EndpointVerdict::kOtherNode:
    case EndpointVerdict::kWeightZero:
    case EndpointVerdict::kTooMany:
      return false;
  }
  return true;
}

bool KeepsFlows(EndpointVerdict verdict, const Candidate& candidate) {
  return !IsRefusedAddress(verdict) && (candidate.serving || candidate.ready);
}

}  // namespace

model::Pool BuildPool(model::PoolScope scope, bool any_usable, uint32_t endpoints_max, Candidates& candidates) {
  const auto verdict_of = [scope](Candidate& candidate) -> EndpointVerdict& {
    return scope == model::PoolScope::kCluster ? candidate.cluster_verdict : candidate.local_verdict;
  };
  uint32_t selected = 0;
  uint32_t keepers = 0;
  for (Candidate& candidate : candidates) {
    EndpointVerdict& verdict = verdict_of(candidate);
    if (verdict == EndpointVerdict::kSelected) {
      if (selected == endpoints_max) {
        verdict = EndpointVerdict::kTooMany;
      } else {
        ++selected;
      }
    } else if (KeepsFlows(verdict, candidate)) {
      ++keepers;
    }
  }
  keepers = std::min(keepers, endpoints_max - selected);

  model::Pool pool;
  pool.scope = scope;
  pool.members.reserve(selected + keepers);
  for (Candidate& candidate : candidates) {
    const EndpointVerdict verdict = verdict_of(candidate);
    if (verdict == EndpointVerdict::kSelected) {
      pool.members.push_back({candidate.backend, candidate.weight});
    } else if (keepers > 0 && KeepsFlows(verdict, candidate)) {
      pool.members.push_back({candidate.backend, 0});
      --keepers;
    }
  }
  pool.slots = BuildAliasTable(pool.members);
  if (pool.slots.empty() && any_usable && scope == model::PoolScope::kLocal) pool.empty = model::EmptyPool::kLocalMiss;
  return pool;
}

}  // namespace shunt::planner
