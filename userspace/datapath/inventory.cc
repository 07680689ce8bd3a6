// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/inventory.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include "userspace/datapath/codec.h"

namespace shunt::datapath {

Inventory::Inventory(std::shared_ptr<Tables> tables_in, uint64_t index_seed, GracePeriod& grace)
    : shared_tables(std::move(tables_in)),
      tables(*shared_tables),
      service_ports(tables.service_ports->capacity()),
      pools(tables.pools->capacity()),
      // A pool word has 24 bits for the first slot.
      slots(std::min<uint32_t>(tables.slots->capacity(), SHUNT_POOL_FIRST_MAX + 1)),
      backends(*tables.backends, *tables.backend_counters),
      room(*tables.frontend_index, index_seed, tables.frontend_rows->capacity()),
      filter(*tables.prefix_filter),
      addresses(*tables.frontend_rows, room, filter),
      quarantine(grace),
      owners(tables.service_ports->capacity(), nullptr) {}

absl::Status Inventory::TakeBack(Retired& thing, bool written) {
  switch (thing.kind) {
    case Retired::Kind::kFrontendRow:
      room.rows().Free(thing.id);
      return absl::OkStatus();
    case Retired::Kind::kProof:
      return RenewProof(thing.id);
    case Retired::Kind::kPool:
      if (written) {
        if (absl::Status status = tables.pools->StoreWord(thing.id, 0, 0); !status.ok()) return status;
      }
      pools.Free(thing.id);
      return absl::OkStatus();
    case Retired::Kind::kServicePort:
      if (written) {
        // The names stay: they tell the next agent that the counters beside them have been used.
        shunt_service_port row = {};
        absl::Status status = tables.service_ports->Load(thing.id, MutableBytesOf(row));
        row.family = 0;
        if (status.ok()) status = tables.service_ports->Store(thing.id, BytesOf(row));
        if (!status.ok()) return status;
      }
      service_ports.Free(thing.id);
      return absl::OkStatus();
    case Retired::Kind::kSlotRun:
      while (!thing.members.empty()) {
        if (absl::Status status = backends.Release(thing.members.back()); !status.ok()) return status;
        thing.members.pop_back();
      }
      if (thing.run.count > 0) slots.Free(thing.run);
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status Inventory::RenewProof(uint32_t pool) {
  uint64_t word = 0;
  if (absl::Status status = tables.pools->Load(pool, MutableBytesOf(word)); !status.ok()) return status;
  if (shunt_pool_generation(word) == 0) return absl::OkStatus();
  word = (word & ~uint64_t{SHUNT_POOL_GENERATION_MASK}) | NextGeneration();
  if (absl::Status status = WriteGeneration(); !status.ok()) return status;
  return tables.pools->StoreWord(pool, 0, word);
}

void Inventory::TakeBackUnwritten(std::vector<Retired>& things) {
  // Cannot fail: an unwritten thing's members are either unwritten too or referenced by another run.
  for (Retired& thing : things) TakeBack(thing, /*written=*/false).IgnoreError();
  things.clear();
}

size_t Inventory::Reclaim(size_t limit) {
  return quarantine.Reclaim(limit, [this](Retired& thing) { return TakeBack(thing, /*written=*/true); });
}

bool Inventory::MakeRoom() {
  if (quarantine.empty() || !quarantine.Wait().ok()) return false;
  return Reclaim(std::numeric_limits<size_t>::max()) > 0;
}

uint32_t Inventory::NextGeneration() {
  ++generation;
  if ((generation & SHUNT_POOL_GENERATION_MASK) == 0) ++generation;
  return static_cast<uint32_t>(generation & SHUNT_POOL_GENERATION_MASK);
}

absl::Status Inventory::WriteGeneration() {
  constexpr uint32_t kWord = offsetof(shunt_meta, generation) / sizeof(uint64_t);
  if (written_generation == generation) return absl::OkStatus();
  absl::Status status = tables.meta->StoreWord(0, kWord, generation);
  if (status.ok()) written_generation = generation;
  return status;
}

void Inventory::Reserve(absl::Span<const model::ServicePlan* const> plans) {
  size_t keys = 0, members = 0;
  for (const model::ServicePlan* plan : plans) {
    for (const model::PortPlan& port : plan->ports) {
      keys += port.frontends.size();
      for (const model::Pool& pool : port.pools) members += pool.members.size();
    }
  }
  frontends.reserve(keys);
  addresses.Reserve(keys);
  backends.Reserve(members);
  services.reserve(plans.size());
}

ServiceState& Inventory::StateOf(const model::ObjectName& service) {
  std::unique_ptr<ServiceState>& state = services[service];
  if (state == nullptr) {
    state = std::make_unique<ServiceState>();
    state->name = service;
  }
  return *state;
}

}  // namespace shunt::datapath
