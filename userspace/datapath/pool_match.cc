// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/pool_match.h"

#include <algorithm>
#include <cstring>

#include "userspace/datapath/codec.h"

namespace shunt::datapath {

bool HoldsSet(const Allocator& allocator, const PoolState& state, const model::Pool& plan) {
  const Tables& tables = allocator.tables();
  uint64_t word = 0;
  if (!tables.pools->Load(state.id, MutableBytesOf(word)).ok()) return false;
  if ((word ^ state.word) & ~uint64_t{SHUNT_POOL_GENERATION_MASK} || shunt_pool_generation(word) == 0) return false;
  if (shunt_pool_emptiness(word) != EncodeEmpty(plan) || shunt_pool_count(word) != plan.members.size() ||
      state.set.members.size() != plan.members.size()) {
    return false;
  }
  for (uint32_t i = 0; i < plan.members.size(); ++i) {
    if (!allocator.backends().Is(state.set.members[i], plan.members[i].backend)) return false;
    const shunt_slot expected = EncodeSlot(plan, i, state.set.members);
    shunt_slot slot = {};
    if (!tables.slots->Load(state.set.run.first + i, MutableBytesOf(slot)).ok() ||
        std::memcmp(&slot, &expected, sizeof(slot)) != 0) {
      return false;
    }
  }
  return true;
}

void PoolMatch::AddStaying(uint32_t pool_id, uint32_t pool_index) {
  const Reader reader = {pool_id, pool_index};
  if (std::find(readers_.begin(), readers_.end(), reader) == readers_.end()) readers_.push_back(reader);
}

void PoolMatch::AddLeaving(uint32_t pool_id) {
  AddStaying(pool_id, kNoId);
}

const PoolState* PoolMatch::FindFree(uint32_t pool_id) const {
  if (std::find(given_.begin(), given_.end(), pool_id) != given_.end()) return nullptr;
  for (const PoolState& state : published_.pools) {
    if (state.id == pool_id) return &state;
  }
  return nullptr;
}

bool PoolMatch::MayChange(uint32_t pool_id, uint32_t pool_index) const {
  return std::all_of(readers_.begin(), readers_.end(), [&](const Reader& reader) {
    return reader.pool_id != pool_id || reader.pool_index == pool_index;
  });
}

PoolMatch::Result PoolMatch::Match(uint32_t pool_index, const model::Pool& plan) {
  Result result;
  const auto try_pool = [&](uint32_t pool_id, bool may_change) {
    const PoolState* const state = FindFree(pool_id);
    if (state == nullptr) return false;
    result.unchanged = HoldsSet(allocator_, *state, plan);
    if (!result.unchanged && !may_change) return false;
    result.pool_id = pool_id;
    given_.push_back(pool_id);
    return true;
  };
  for (const Reader& reader : readers_) {
    if (reader.pool_index != pool_index) continue;
    if (try_pool(reader.pool_id, MayChange(reader.pool_id, pool_index))) return result;
  }
  // An Apply that was interrupted may have left a pool with just this set.
  for (const PoolState& state : published_.pools) {
    if (try_pool(state.id, /*may_change=*/false)) return result;
  }
  result.unchanged = false;
  return result;
}

}  // namespace shunt::datapath
