// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/adoption.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

template <typename T>
bool IsZero(const T& value) {
  static constexpr std::array<std::byte, sizeof(T)> kZero = {};
  return std::memcmp(&value, kZero.data(), sizeof(T)) == 0;
}

template <typename T>
absl::StatusOr<std::vector<T>> LoadAll(const Table& table) {
  std::vector<T> rows(table.capacity());
  for (uint32_t i = 0; i < rows.size(); ++i) {
    if (absl::Status status = table.Load(i, MutableBytesOf(rows[i])); !status.ok()) return status;
  }
  return rows;
}

absl::Status CheckLayout(const Table& table, size_t value_size) {
  if (table.key_size() == sizeof(uint32_t) && table.value_size() == value_size) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("open map ", std::string(table.name()), ": its rows have ",
                                                    table.value_size(), " bytes, not ", value_size, ": another ABI"));
}

absl::Status CheckLayouts(const Tables& tables) {
  const std::tuple<const Table*, size_t> layouts[] = {
      {tables.prefix_filter.get(), sizeof(uint64_t)},
      {tables.frontend_index.get(), sizeof(shunt_index_bucket)},
      {tables.frontend_rows.get(), sizeof(shunt_frontend_row)},
      {tables.pools.get(), sizeof(uint64_t)},
      {tables.slots.get(), sizeof(shunt_slot)},
      {tables.backends.get(), sizeof(shunt_backend)},
      {tables.service_ports.get(), sizeof(shunt_service_port)},
      {tables.service_counters.get(), sizeof(shunt_service_counters)},
      {tables.backend_counters.get(), sizeof(shunt_backend_counters)},
      {tables.meta.get(), sizeof(shunt_meta)},
      {tables.node_ports.get(), sizeof(uint64_t)},
      {tables.endpoint_filter.get(), sizeof(uint64_t)},
  };
  for (const auto& [table, value_size] : layouts) {
    if (absl::Status status = CheckLayout(*table, value_size); !status.ok()) return status;
  }
  const std::pair<const Table*, uint32_t> bitmaps[] = {{tables.prefix_filter.get(), SHUNT_PREFIX_WORDS},
                                                       {tables.node_ports.get(), SHUNT_NODE_PORT_WORDS},
                                                       {tables.endpoint_filter.get(), SHUNT_ENDPOINT_WORDS}};
  for (const auto& [table, words] : bitmaps) {
    if (table->capacity() == words) continue;
    return absl::FailedPreconditionError(absl::StrCat("open map ", std::string(table->name()), ": it has ",
                                                      table->capacity(), " words, not ", words, ": another ABI"));
  }
  const Table& ranges = *tables.source_ranges;
  if (ranges.key_size() != sizeof(shunt_source_key) || ranges.value_size() != sizeof(uint32_t)) {
    return absl::FailedPreconditionError(absl::StrCat("open map source_ranges: its keys have ", ranges.key_size(),
                                                      " bytes and its values ", ranges.value_size(), ", not ",
                                                      sizeof(shunt_source_key), " and 4: another ABI"));
  }
  if (!std::has_single_bit(tables.frontend_index->capacity())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "open map frontend_index: it has ", tables.frontend_index->capacity(), " buckets, which is no power of two"));
  }
  return absl::OkStatus();
}

// The content of the tables while it is sorted.
struct Content {
  struct Frontend {
    shunt_frontend_row row;
    uint32_t id;
    uint32_t index_slot;
  };

  std::vector<shunt_service_port> service_ports;
  std::vector<uint64_t> pool_words;
  std::vector<shunt_backend> backends;
  std::vector<Frontend> frontends;
  bool anything = false;
};

// Returns whether the row is one that the address book writes, byte for byte.
bool IsAddressRow(const shunt_frontend_row& row) {
  const shunt_frontend_row expected = AddressBook::RowOf(DecodeAddress(row.key.address), row.flags);
  return row.flags != 0 && std::memcmp(&row, &expected, sizeof(row)) == 0;
}

// Returns whether the row leads programs only to rows that exist.
bool IsValid(const Content& content, const shunt_frontend_row& row) {
  if (IsAddressKey(row.key)) return IsAddressRow(row);
  return row.kind >= SHUNT_KIND_CLUSTER_IP && row.kind <= SHUNT_KIND_EXTERNAL_IP && row.key.port != 0 &&
         row.service_port < content.service_ports.size() && row.internal_pool < content.pool_words.size() &&
         row.external_pool < content.pool_words.size();
}

// Goes through the index. Address rows go to the address book, frontends to `content`; the rest is foreign.
absl::Status AdoptIndex(Inventory& inventory, Content& content) {
  const uint32_t rows_max = inventory.tables.frontend_rows->capacity();
  const auto load = [&](uint32_t id, shunt_frontend_row& row) {
    return id < rows_max && inventory.tables.frontend_rows->Load(id, MutableBytesOf(row)).ok();
  };
  const auto visit = [&](uint32_t id) -> std::optional<shunt_frontend_key> {
    content.anything = true;
    shunt_frontend_row row = {};
    if (!load(id, row) || !IsValid(content, row)) return std::nullopt;
    return row.key;
  };
  const auto found = [&](const shunt_frontend_key& key, uint32_t index_slot, uint32_t id) {
    shunt_frontend_row row = {};
    if (!load(id, row)) return false;
    if (IsAddressKey(key)) {
      if (!inventory.addresses.AdoptRow(DecodeAddress(key.address), index_slot, id, row.flags)) return false;
    } else {
      if (!inventory.published.frontends.try_emplace(key).second) return false;
      content.frontends.push_back({.row = row, .id = id, .index_slot = index_slot});
    }
    inventory.allocator.frontend_rows().Reserve(id);
    return true;
  };
  if (absl::Status status = inventory.allocator.index().Adopt(visit, found); !status.ok()) return status;
  std::sort(content.frontends.begin(), content.frontends.end(), [](const auto& a, const auto& b) {
    return std::pair(a.row.service_port, a.id) < std::pair(b.row.service_port, b.id);
  });
  return absl::OkStatus();
}

// Returns the pool with its set if every slot of the set is valid, and otherwise without a set, so that it is published
// again.
PoolState AdoptPool(Inventory& inventory, const Content& content, uint32_t id) {
  PoolState pool;
  pool.id = id;
  pool.word = content.pool_words[id];
  const SlotRun run = {shunt_pool_first(pool.word), shunt_pool_count(pool.word)};
  if (run.count == 0 || !inventory.allocator.slots().Reserve(run)) return pool;
  pool.set.run = run;
  std::vector<shunt_slot> slots(run.count);
  for (uint32_t i = 0; i < run.count; ++i) {
    if (!inventory.tables.slots->Load(run.first + i, MutableBytesOf(slots[i])).ok()) return pool;
  }
  const auto is_backend = [&](uint32_t backend) {
    return backend < content.backends.size() && content.backends[backend].in_use == 1;
  };
  std::vector<uint32_t> members;
  for (const shunt_slot& slot : slots) members.push_back(slot.backend);
  if (!std::all_of(members.begin(), members.end(), is_backend)) return pool;
  for (const uint32_t member : members) {
    const model::SocketAddress backend = DecodeBackend(content.backends[member]);
    inventory.allocator.backends().Adopt(member, backend);
    inventory.filter.AdoptBackend(backend.address);
    inventory.packet_filters.AdoptBackend(backend);
  }
  pool.set.members = std::move(members);
  return pool;
}

// Gives every frontend to the Service that its service port names, or to Published::unnamed if the name is invalid.
void AdoptServicePorts(Inventory& inventory, const Content& content) {
  const auto adopt_port = [&](uint32_t index) -> PortState& {
    const std::optional<ServicePortIdentity> identity = DecodeServicePort(content.service_ports[index]);
    ServiceState& state = inventory.published.StateOf(identity ? identity->service : model::ObjectName{});
    if (!identity) inventory.published.unnamed = &state;
    inventory.allocator.service_ports().Reserve(index);
    inventory.published.owners[index] = &state;
    PortState& port = state.ports.emplace_back();
    port.index = index;
    if (identity) {
      port.name = identity->port_name;
      port.port = identity->port;
      port.protocol = identity->protocol;
      port.family = identity->family;
    }
    return port;
  };
  PortState* port = nullptr;
  for (const Content::Frontend& frontend : content.frontends) {
    const uint32_t index = frontend.row.service_port;
    if (port == nullptr || port->index != index) port = &adopt_port(index);
    inventory.published.owners[index]->frontends.push_back(frontend.row.key);
    const auto kind = static_cast<model::FrontendKind>(frontend.row.kind);
    inventory.published.frontends[frontend.row.key] = {
        .row = frontend.id,
        .service_port = index,
        .index_slot = frontend.index_slot,
        .kind = kind,
        .list = inventory.allocator.source_lists().Adopt(frontend.row.source_ranges)};
    Need need;  // ignored: an address row that is missing is taken later
    inventory.addresses.AddFrontend(frontend.row.key, kind, need);
    inventory.packet_filters.AdoptFrontend(frontend.row.key, kind);
    if (!IsWildcard(frontend.row.key.address)) {
      inventory.filter.AdoptFrontend(DecodeAddress(frontend.row.key.address), kind);
    }
    for (const uint32_t pool : {frontend.row.internal_pool, frontend.row.external_pool}) {
      // A pool that another service port has already stays with that one, whatever this row says.
      if (inventory.allocator.pools().Reserve(pool)) port->pools.push_back(AdoptPool(inventory, content, pool));
    }
  }
  // An interrupted Apply may have left service ports without frontends. They keep their index, for a plan that has
  // them.
  for (uint32_t index = 0; index < content.service_ports.size(); ++index) {
    if (content.service_ports[index].family != 0 && !inventory.allocator.service_ports().IsTaken(index))
      adopt_port(index);
  }
}

// If an agent ended before the row of an address was written, frontends may be missing there as well. Who they belong
// to is unknown until the Services that have some are applied.
void HoldAddresses(Inventory& inventory) {
  for (const auto& [name, state] : inventory.published.services) {
    absl::flat_hash_set<model::IpAddress> held;
    for (const shunt_frontend_key& key : state->frontends) {
      if (IsWildcard(key.address)) continue;
      const model::IpAddress address = DecodeAddress(key.address);
      if (inventory.addresses.AwaitsClusterIp(address) && held.insert(address).second) {
        inventory.addresses.Hold(address);
        state->held.push_back(address);
      }
    }
  }
}

// Retires what is marked as used and cannot be reached.
void AdoptUnreachable(Inventory& inventory, const Content& content) {
  std::vector<Retired> retired;
  for (uint32_t id = 0; id < content.pool_words.size(); ++id) {
    if (content.pool_words[id] == 0) continue;
    if (inventory.allocator.pools().Reserve(id)) retired.emplace_back(PoolId{id});
  }
  std::vector<uint32_t> backends;
  for (uint32_t id = 0; id < content.backends.size(); ++id) {
    if (IsZero(content.backends[id])) continue;
    inventory.allocator.backends().MarkUsed(id);
    if (content.backends[id].in_use == 0 || inventory.allocator.backends().IsReferenced(id)) continue;
    inventory.allocator.backends().Adopt(id, DecodeBackend(content.backends[id]));
    backends.push_back(id);
  }
  if (!backends.empty()) retired.emplace_back(BackendSet{.run = {}, .members = std::move(backends)});
  inventory.allocator.source_lists().RetireUnnamed(retired);
  inventory.allocator.quarantine().AddPassed(retired);
}

absl::Status LoadContent(Inventory& inventory, Content& content) {
  auto service_ports = LoadAll<shunt_service_port>(*inventory.tables.service_ports);
  if (!service_ports.ok()) return service_ports.status();
  content.service_ports = *std::move(service_ports);
  auto pool_words = LoadAll<uint64_t>(*inventory.tables.pools);
  if (!pool_words.ok()) return pool_words.status();
  content.pool_words = *std::move(pool_words);
  auto backends = LoadAll<shunt_backend>(*inventory.tables.backends);
  if (!backends.ok()) return backends.status();
  content.backends = *std::move(backends);
  for (uint32_t i = 0; i < content.service_ports.size(); ++i) {
    if (IsZero(content.service_ports[i])) continue;
    inventory.allocator.service_ports().MarkUsed(i);
    content.anything = true;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Inventory>> Adopt(std::shared_ptr<Tables> shared_tables, GracePeriod& grace) {
  const Tables& tables = *shared_tables;
  if (absl::Status status = CheckLayouts(tables); !status.ok()) return status;
  shunt_meta meta = {};
  if (absl::Status status = tables.meta->Load(0, MutableBytesOf(meta)); !status.ok()) return status;
  if (meta.memory_version != SHUNT_MEMORY_VERSION) {
    return absl::FailedPreconditionError(
        absl::StrCat("open map meta: memory version ", meta.memory_version, ", not ", SHUNT_MEMORY_VERSION));
  }
  auto inventory = std::make_unique<Inventory>(std::move(shared_tables), meta, grace);
  Content content;
  if (absl::Status status = LoadContent(*inventory, content); !status.ok()) return status;
  if (absl::Status status = inventory->filter.ReadBack(); !status.ok()) return status;
  if (absl::Status status = inventory->packet_filters.ReadBack(); !status.ok()) return status;
  if (absl::Status status = inventory->allocator.source_lists().ReadBack(); !status.ok()) return status;
  if (absl::Status status = AdoptIndex(*inventory, content); !status.ok()) return status;
  AdoptServicePorts(*inventory, content);
  inventory->addresses.EndAdoption();
  HoldAddresses(*inventory);
  AdoptUnreachable(*inventory, content);
  // What the earlier agent unlinked last has left no trace, and a program may still be using it.
  if (content.anything) grace.Wait(grace.Start()).IgnoreError();
  return inventory;
}

}  // namespace shunt::datapath
