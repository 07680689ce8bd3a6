// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/pool_match.h"

#include <algorithm>

namespace shunt::datapath {
namespace {

uint32_t EmptyReason(model::EmptyPool empty) {
  return empty == model::EmptyPool::kLocalMiss ? SHUNT_EMPTY_LOCAL_MISS : SHUNT_EMPTY_NO_ENDPOINTS;
}

}  // namespace

bool HoldsSet(const Inventory& inventory, const PoolState& state, const model::Pool& plan) {
  uint64_t word = 0;
  if (!inventory.tables.pools->Load(state.id, MutableBytesOf(word)).ok() || word != state.word) return false;
  if (plan.slots.empty()) {
    return shunt_pool_count(word) == 0 && shunt_pool_first(word) == EmptyReason(plan.empty);
  }
  if (state.members.size() != plan.slots.size()) return false;
  for (size_t i = 0; i < plan.slots.size(); ++i) {
    if (!inventory.backends.Is(state.members[i], plan.members[i].backend)) return false;
    shunt_slot slot = {};
    if (!inventory.tables.slots->Load(state.run.first + static_cast<uint32_t>(i), MutableBytesOf(slot)).ok() ||
        slot.backend != state.members[i] || slot.alias != state.members[plan.slots[i].alias] ||
        slot.threshold != plan.slots[i].threshold) {
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
    result.unchanged = HoldsSet(inventory_, *state, plan);
    if (!result.unchanged && !may_change) return false;
    result.pool_id = pool_id;
    given_.push_back(pool_id);
    return true;
  };
  for (const Reader& reader : readers_) {
    if (reader.pool_index != pool_index) continue;
    if (try_pool(reader.pool_id, MayChange(reader.pool_id, pool_index))) return result;
  }
  // A pool that an Apply cut short has left behind with just this set.
  for (const PoolState& state : published_.pools) {
    if (try_pool(state.id, /*may_change=*/false)) return result;
  }
  result.unchanged = false;
  return result;
}

}  // namespace shunt::datapath
