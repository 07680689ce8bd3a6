// SPDX-License-Identifier: Apache-2.0
// Weights into an alias table: one slot a member, one random number a choice, whatever the number of members.
#ifndef SHUNT_PLANNER_ALIAS_TABLE_H_
#define SHUNT_PLANNER_ALIAS_TABLE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "userspace/model/service_plan.h"

namespace shunt::planner {

inline constexpr uint32_t kWeightMax = 1'000'000;

// Postconditions, for weights w[i] with sum W > 0 (empty result if W is 0):
//  - the result has one slot a member, in the members' order, and slot i's member is i;
//  - member i is chosen with probability w[i] / W, exact to within 2^-32;
//  - a member of weight 0 has threshold 0 and is nobody's alias: it is never chosen;
//  - any other member has a threshold of at least 1: by that it is told from those of weight 0;
//  - a slot wholly its member's has alias == member and threshold 2^32 - 1.
// Equal weights give equal tables. Takes time and memory linear in the number of members.
// REQUIRES: every weight <= kWeightMax; fewer than 2^32 members.
std::vector<model::AliasSlot> BuildAliasTable(absl::Span<const model::PoolMember> members);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_ALIAS_TABLE_H_
