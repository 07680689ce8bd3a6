// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/inventory.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace shunt::datapath {

Inventory::Inventory(Tables tables_in, uint64_t index_seed, GracePeriod& grace)
    : tables(std::move(tables_in)),
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
  generation = (generation + 1) & ((1u << SHUNT_POOL_GENERATION_BITS) - 1);
  if (generation == 0) generation = 1;
  return generation;
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
