// SPDX-License-Identifier: Apache-2.0
// Vose's method in integers. In units of 1 / (n * W), member i's share is w[i] * n and a slot holds W. A member with
// less than a slot is topped up from a donor that has more than one; after that its slot does not change.
//
// Only thresholds are rounded: each is off by less than 2^-32 of its slot, that is 2^-32 / n of everything, and a
// member is in at most n slots.
#include "userspace/planner/alias_table.h"

#include <algorithm>
#include <limits>

#include "absl/container/inlined_vector.h"
#include "absl/numeric/int128.h"

namespace shunt::planner {
namespace {

constexpr uint32_t kWholeSlot = std::numeric_limits<uint32_t>::max();

// REQUIRES: units < slot_units. A member with any share gets at least 1.
uint32_t Threshold(uint64_t units, uint64_t slot_units) {
  if (units == 0) return 0;
  const absl::uint128 scaled = (absl::uint128(units) << 32) / slot_units;
  return std::max<uint32_t>(1, static_cast<uint32_t>(scaled));
}

}  // namespace

std::vector<model::AliasSlot> BuildAliasTable(absl::Span<const model::PoolMember> members) {
  const uint64_t count = members.size();
  uint64_t slot_units = 0;
  for (const model::PoolMember& member : members) slot_units += member.weight;
  if (slot_units == 0) return {};

  // The share that each member has left to place; at most 2^32 * 10^6, so 64 bits hold it.
  absl::InlinedVector<uint64_t, 64> left(count);
  std::vector<model::AliasSlot> slots(count);
  for (uint32_t i = 0; i < count; ++i) {
    left[i] = members[i].weight * count;
    slots[i] = {i, i, kWholeSlot};
  }

  // Donors are taken in order, each until it has a slot's worth or less, so those before `donor` never give again.
  // While one member has less than a slot, another has more, because the sum is count * slot_units.
  uint32_t donor = 0;
  for (uint32_t i = 0; i < count; ++i) {
    if (members[i].weight * count >= slot_units) continue;
    uint32_t short_of = i;
    // A donor that falls below a slot is topped up at once. The loop ends because each turn settles one slot.
    while (left[short_of] < slot_units) {
      while (left[donor] <= slot_units) ++donor;
      slots[short_of] = {short_of, donor, Threshold(left[short_of], slot_units)};
      left[donor] -= slot_units - left[short_of];
      left[short_of] = slot_units;
      short_of = donor;
    }
  }
  return slots;
}

}  // namespace shunt::planner
