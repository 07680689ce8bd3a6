// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/allocator.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

uint32_t TakeId(IdPool& ids, uint32_t& count, Need& need) {
  ++count;
  if (const auto id = ids.Allocate()) return *id;
  need.exceeded = true;
  return kNoId;
}

}  // namespace

Allocator::Allocator(Tables& tables, const shunt_meta& meta, GracePeriod& grace)
    : tables_(tables),
      service_ports_(tables.service_ports->capacity()),
      pools_(tables.pools->capacity()),
      frontend_rows_(tables.frontend_rows->capacity()),
      // A pool word has 24 bits for the first slot.
      slots_(std::min<uint32_t>(tables.slots->capacity(), SHUNT_POOL_FIRST_MAX + 1)),
      backends_(*tables.backends, *tables.backend_counters),
      source_lists_(*tables.source_ranges),
      index_(*tables.frontend_index, meta.index_seed),
      quarantine_(grace),
      generation_(meta.generation),
      written_generation_(meta.generation) {}

uint32_t Allocator::TakeServicePort(Need& need) {
  return TakeId(service_ports_, need.service_ports, need);
}

uint32_t Allocator::TakePool(Need& need) {
  return TakeId(pools_, need.pools, need);
}

uint32_t Allocator::TakeFrontendRow(Need& need) {
  return TakeId(frontend_rows_, need.frontend_rows, need);
}

uint32_t Allocator::TakeIndexSlot(const shunt_frontend_key& key, Need& need) {
  ++need.index_slots;
  const uint32_t index_slot = index_.Take(key);
  if (index_slot == FrontendIndex::kNoIndexSlot) {
    ++need.index_slots_missing;
    need.exceeded = true;
  }
  return index_slot;
}

BackendSet Allocator::TakeSet(const model::Pool& pool, Need& need) {
  BackendSet set;
  const auto count = static_cast<uint32_t>(pool.members.size());
  if (count == 0) return set;
  need.slots += count;
  need.longest_run = std::max(need.longest_run, count);
  if (const auto run = slots_.Allocate(count)) {
    set.run = *run;
  } else {
    need.exceeded = true;
  }
  set.members.reserve(count);
  for (const model::PoolMember& member : pool.members) {
    const uint32_t taken_before = backends_.ids().taken();
    if (const auto id = backends_.Acquire(member.backend)) {
      set.members.push_back(*id);
      need.backends += backends_.ids().taken() - taken_before;
    } else {
      need.backends += need.backends_missing.insert(member.backend).second ? 1 : 0;
      need.exceeded = true;
    }
  }
  return set;
}

SourceList Allocator::TakeList(absl::Span<const model::IpPrefix> ranges, Need& need) {
  const auto count = static_cast<uint32_t>(ranges.size());
  const uint32_t taken_before = source_lists_.taken();
  if (const auto id = source_lists_.Acquire(ranges)) {
    need.source_ranges += source_lists_.taken() - taken_before;
    return {.id = *id, .ranges = count};
  }
  need.source_ranges += need.lists_missing.emplace(ranges.begin(), ranges.end()).second ? count : 0;
  need.exceeded = true;
  return {};
}

// Limits have the names of their fields in the agent's configuration.
std::string Allocator::Shortage(const Need& need) const {
  std::vector<std::string> lacks;
  const auto compare = [&](const Table& table, const char* limit, uint32_t wants, const auto& ids) {
    if (wants > ids.available()) {
      lacks.push_back(absl::StrCat("map ", std::string(table.name()), " needs ", wants,
                                   wants == 1 ? " more row, " : " more rows, ", ids.available(), " of ", ids.capacity(),
                                   " are free (", limit, ")"));
    }
  };
  compare(*tables_.frontend_rows, "limits.frontends", need.frontend_rows, frontend_rows_);
  compare(*tables_.service_ports, "limits.servicePorts", need.service_ports, service_ports_);
  compare(*tables_.pools, "limits.pools", need.pools, pools_);
  compare(*tables_.slots, "limits.slots", need.slots, slots_);
  compare(*tables_.backends, "limits.backends", need.backends, backends_.ids());
  const bool ranges_alone = lacks.empty();
  compare(*tables_.source_ranges, "for all Services together, whatever the limits", need.source_ranges, source_lists_);
  if (ranges_alone && !lacks.empty()) {
    return absl::StrCat(lacks.front(), "; remove source ranges, or join them to larger ones");
  }
  if (lacks.empty() && need.index_slots_missing > 0) {
    lacks.push_back(absl::StrCat("map frontend_index has no free slot within reach of ", need.index_slots_missing,
                                 " of ", need.index_slots, " new keys (limits.frontends)"));
  }
  if (lacks.empty()) {
    lacks.push_back(absl::StrCat("map slots needs ", need.longest_run, " rows in one run, the longest free run has ",
                                 slots_.longest_free(), " (", slots_.available(), " of ", slots_.capacity(),
                                 " are free; limits.slots)"));
  }
  return absl::StrCat(absl::StrJoin(lacks, "; "),
                      "; remove Services, or raise the limit (it applies when the agent is started again)");
}

void Allocator::GiveBack(FrontendRow row) {
  if (row.id != kNoId) frontend_rows_.Free(row.id);
}

void Allocator::GiveBack(IndexSlot slot) {
  if (slot.number != FrontendIndex::kNoIndexSlot) index_.GiveBack(slot.number);
}

void Allocator::GiveBack(PoolId pool) {
  if (pool.id != kNoId) pools_.Free(pool.id);
}

void Allocator::GiveBack(ServicePortIndex port) {
  if (port.index != kNoId) service_ports_.Free(port.index);
}

void Allocator::GiveBack(BackendSet set) {
  // It cannot fail: the members of a set that no program has seen are either not written or in another set too.
  TakeBack(set).IgnoreError();
}

void Allocator::GiveBack(SourceList list) {
  // Neither can this, for the same reason.
  if (list.id != 0) TakeBack(list).IgnoreError();
}

size_t Allocator::Reclaim(size_t rows_max) {
  return quarantine_.Reclaim(rows_max, [this](Retired& retired) {
    return std::visit([this](auto& resource) { return TakeBack(resource); }, retired);
  });
}

bool Allocator::WaitAndReclaim() {
  if (quarantine_.empty() || !quarantine_.Wait().ok()) return false;
  return Reclaim(std::numeric_limits<size_t>::max()) > 0;
}

absl::Status Allocator::TakeBack(FrontendRow row) {
  frontend_rows_.Free(row.id);
  return absl::OkStatus();
}

absl::Status Allocator::TakeBack(PoolId pool) {
  if (absl::Status status = tables_.pools->StoreWord(pool.id, 0, 0); !status.ok()) return status;
  pools_.Free(pool.id);
  return absl::OkStatus();
}

absl::Status Allocator::TakeBack(ServicePortIndex port) {
  // The names stay: they tell the next agent that the counters beside them have been used.
  shunt_service_port row = {};
  absl::Status status = tables_.service_ports->Load(port.index, MutableBytesOf(row));
  row.family = 0;
  if (status.ok()) status = tables_.service_ports->Store(port.index, BytesOf(row));
  if (status.ok()) service_ports_.Free(port.index);
  return status;
}

absl::Status Allocator::TakeBack(BackendSet& set) {
  while (!set.members.empty()) {
    if (absl::Status status = backends_.Release(set.members.back()); !status.ok()) return status;
    set.members.pop_back();
  }
  if (set.run.count > 0) slots_.Free(set.run);
  return absl::OkStatus();
}

uint32_t Allocator::NextGeneration() {
  ++generation_;
  if ((generation_ & SHUNT_POOL_GENERATION_MASK) == 0) ++generation_;
  return static_cast<uint32_t>(generation_ & SHUNT_POOL_GENERATION_MASK);
}

absl::Status Allocator::WriteGeneration() {
  constexpr uint32_t kWord = offsetof(shunt_meta, generation) / sizeof(uint64_t);
  if (written_generation_ == generation_) return absl::OkStatus();
  absl::Status status = tables_.meta->StoreWord(0, kWord, generation_);
  if (status.ok()) written_generation_ = generation_;
  return status;
}

absl::Status Allocator::RenewStamp(uint32_t pool) {
  uint64_t word = 0;
  if (absl::Status status = tables_.pools->Load(pool, MutableBytesOf(word)); !status.ok()) return status;
  if (shunt_pool_generation(word) == 0) return absl::OkStatus();
  word = (word & ~uint64_t{SHUNT_POOL_GENERATION_MASK}) | NextGeneration();
  if (absl::Status status = WriteGeneration(); !status.ok()) return status;
  return tables_.pools->StoreWord(pool, 0, word);
}

}  // namespace shunt::datapath
