// SPDX-License-Identifier: Apache-2.0
// Turns weights into an alias table: one slot per member, and one random number per choice for any number of members.
#ifndef SHUNT_PLANNER_ALIAS_TABLE_H_
#define SHUNT_PLANNER_ALIAS_TABLE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "userspace/model/service_plan.h"

namespace shunt::planner {

inline constexpr uint32_t kWeightMax = 1'000'000;

// Returns the alias table of the members' weights w[i] with sum W, or an empty one if W is 0. Postconditions:
//  - the table has one slot per member, in the members' order, and slot i's member is i;
//  - member i is chosen with probability w[i] / W, exact to within 2^-32;
//  - a member of weight 0 has threshold 0 and is no slot's alias, so it is never chosen;
//  - any other member has a threshold of at least 1, which tells it from those of weight 0;
//  - a slot that belongs wholly to its member has alias == member and threshold 2^32 - 1.
// Equal weights give equal tables. Takes time and memory linear in the number of members.
// REQUIRES: every weight <= kWeightMax; fewer than 2^32 members.
std::vector<model::AliasSlot> BuildAliasTable(absl::Span<const model::PoolMember> members);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_ALIAS_TABLE_H_
