// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/testing/memory_table.h"

#include <bit>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "bpf/packet_abi.h"
#include "bpf/scope_abi.h"
#include "userspace/datapath/flow_sizes.h"

namespace shunt::datapath {
namespace {

// The kernel's maps draw it at random; here equal histories are to give equal maps.
constexpr uint64_t kIndexSeed = 0x5eed5eed5eed5eedull;

absl::string_view AsView(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Bytes AsBytes(absl::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::unique_ptr<MemoryRows> MakeRows(absl::string_view name, TableKind kind, size_t key_size, size_t value_size,
                                     uint32_t capacity) {
  auto rows = std::make_unique<MemoryRows>();
  rows->name = std::string(name);
  rows->kind = kind;
  rows->key_size = static_cast<uint32_t>(key_size);
  rows->value_size = static_cast<uint32_t>(value_size);
  rows->capacity = capacity;
  if (kind == TableKind::kArray) rows->array.resize(static_cast<size_t>(capacity) * value_size);
  return rows;
}

template <typename Value>
std::unique_ptr<MemoryRows> MakeArray(absl::string_view name, uint32_t capacity) {
  return MakeRows(name, TableKind::kArray, sizeof(uint32_t), sizeof(Value), capacity);
}

template <typename Key, typename Value>
std::unique_ptr<MemoryRows> MakeHash(absl::string_view name, uint32_t capacity) {
  return MakeRows(name, TableKind::kHash, sizeof(Key), sizeof(Value), capacity);
}

}  // namespace

absl::Status MemoryTable::Check(TableKind kind, absl::string_view operation) const {
  if (rows_.kind == kind) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("map ", rows_.name, ": ", operation, ": not supported by this kind of map"));
}

absl::Status MemoryTable::CheckRow(uint32_t index, size_t size) const {
  if (absl::Status status = Check(TableKind::kArray, "store or load"); !status.ok()) return status;
  if (index < rows_.capacity && size == rows_.value_size) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("map ", rows_.name, ": store or load ", size, " bytes at row ", index,
                                          ": it has ", rows_.capacity, " rows of ", rows_.value_size, " bytes"));
}

absl::Status MemoryTable::CheckKey(absl::string_view operation, Bytes key) const {
  if (absl::Status status = Check(TableKind::kHash, operation); !status.ok()) return status;
  if (key.size() == rows_.key_size) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("map ", rows_.name, ": ", operation, " a key of ", key.size(),
                                          " bytes: its keys have ", rows_.key_size));
}

absl::Status MemoryTable::Store(uint32_t index, Bytes value) {
  if (absl::Status status = CheckRow(index, value.size()); !status.ok()) return status;
  if (hooks_.before) {
    if (absl::Status status = hooks_.before(rows_.name); !status.ok()) return status;
  }
  std::memcpy(&rows_.array[size_t{index} * rows_.value_size], value.data(), value.size());
  if (hooks_.after) hooks_.after(rows_.name);
  return absl::OkStatus();
}

absl::Status MemoryTable::StoreWord(uint32_t index, uint32_t word, uint64_t value) {
  if (absl::Status status = CheckRow(index, rows_.value_size); !status.ok()) return status;
  if ((size_t{word} + 1) * sizeof(value) > rows_.value_size) {
    return absl::InternalError(
        absl::StrCat("map ", rows_.name, ": store word ", word, ": rows have ", rows_.value_size, " bytes"));
  }
  if (hooks_.before) {
    if (absl::Status status = hooks_.before(rows_.name); !status.ok()) return status;
  }
  std::memcpy(&rows_.array[size_t{index} * rows_.value_size + size_t{word} * sizeof(value)], &value, sizeof(value));
  if (hooks_.after) hooks_.after(rows_.name);
  return absl::OkStatus();
}

absl::Status MemoryTable::Load(uint32_t index, absl::Span<std::byte> value) const {
  if (absl::Status status = CheckRow(index, value.size()); !status.ok()) return status;
  std::memcpy(value.data(), &rows_.array[size_t{index} * rows_.value_size], value.size());
  return absl::OkStatus();
}

absl::Status MemoryTable::Put(Bytes key, Bytes value) {
  if (absl::Status status = CheckKey("put", key); !status.ok()) return status;
  if (value.size() != rows_.value_size) {
    return absl::InternalError(
        absl::StrCat("map ", rows_.name, ": put ", value.size(), " bytes: its rows have ", rows_.value_size));
  }
  if (hooks_.before) {
    if (absl::Status status = hooks_.before(rows_.name); !status.ok()) return status;
  }
  if (rows_.hash.size() >= rows_.capacity && !rows_.hash.contains(AsView(key))) {
    return absl::ResourceExhaustedError(
        absl::StrCat("map ", rows_.name, ": put: it has its ", rows_.capacity, " rows"));
  }
  rows_.hash[std::string(AsView(key))] = std::string(AsView(value));
  if (hooks_.after) hooks_.after(rows_.name);
  return absl::OkStatus();
}

absl::Status MemoryTable::Remove(Bytes key) {
  if (absl::Status status = CheckKey("remove", key); !status.ok()) return status;
  if (hooks_.before) {
    if (absl::Status status = hooks_.before(rows_.name); !status.ok()) return status;
  }
  rows_.hash.erase(AsView(key));
  if (hooks_.after) hooks_.after(rows_.name);
  return absl::OkStatus();
}

absl::Status MemoryTable::ForEach(const std::function<void(Bytes key, Bytes value)>& visit) const {
  if (absl::Status status = Check(TableKind::kHash, "for each"); !status.ok()) return status;
  for (const auto& [key, value] : rows_.hash) visit(AsBytes(key), AsBytes(value));
  return absl::OkStatus();
}

MemoryMaps::MemoryMaps(const Limits& limits, uint32_t cpus) {
  maps_.push_back(MakeArray<uint64_t>("prefix_filter", SHUNT_PREFIX_WORDS));
  // At least two places for every row.
  const uint32_t buckets = (2 * limits.frontends + SHUNT_INDEX_ENTRIES - 1) / SHUNT_INDEX_ENTRIES;
  maps_.push_back(MakeArray<shunt_index_bucket>("frontend_index", std::bit_ceil(buckets)));
  maps_.push_back(MakeArray<shunt_frontend_row>("frontend_rows", limits.frontends));
  maps_.push_back(MakeArray<uint64_t>("pools", limits.pools));
  maps_.push_back(MakeArray<shunt_slot>("slots", limits.slots));
  maps_.push_back(MakeArray<shunt_backend>("backends", limits.backends));
  maps_.push_back(MakeArray<shunt_service_port>("service_ports", limits.service_ports));
  maps_.push_back(MakeArray<shunt_socket_state>("socket_state", limits.sockets));
  maps_.push_back(MakeArray<uint64_t>("socket_taken", (limits.sockets + 63) / 64));
  maps_.push_back(MakeArray<shunt_socket_state>("previous_state", 1));
  maps_.push_back(MakeArray<uint64_t>("previous_taken", 1));
  maps_.push_back(MakeHash<shunt_peer_key, shunt_peer>("socket_peers", limits.socket_peers));
  maps_.push_back(MakeArray<uint32_t>("socket_peer_counts", SHUNT_PEER_COUNTS));
  maps_.push_back(MakeHash<shunt_affinity_key, shunt_affinity>("affinities", limits.affinities));
  maps_.push_back(MakeArray<shunt_service_counters>("service_counters", cpus * limits.service_ports));
  maps_.push_back(MakeArray<shunt_backend_counters>("backend_counters", cpus * limits.backends));
  maps_.push_back(MakeArray<uint64_t>("reasons", cpus * SHUNT_REASON_STRIDE));
  maps_.push_back(MakeArray<shunt_meta>("meta", 1));
  const shunt_meta meta = {
      .index_seed = kIndexSeed, .memory_version = SHUNT_MEMORY_VERSION, .storage_in_use = 0, .generation = 0};
  std::memcpy(maps_.back()->array.data(), &meta, sizeof(meta));
  maps_.push_back(MakeArray<shunt_source_version>("source_versions", SHUNT_RESOURCE_COUNT));
  maps_.push_back(MakeHash<shunt_scope_key, shunt_scope>("scopes", SHUNT_SCOPES_MAX));
  maps_.push_back(MakeArray<shunt_scope_filter>("scope_filter", 1));
  MakePacketPath(limits.flows);
}

void MemoryMaps::MakePacketPath(uint32_t flows) {
  const FlowSizes sizes = FlowSizesOf(flows);
  maps_.push_back(MakeArray<uint64_t>("node_ports", SHUNT_NODE_PORT_WORDS));
  maps_.push_back(MakeArray<uint64_t>("endpoint_filter", SHUNT_ENDPOINT_WORDS));
  maps_.push_back(MakeHash<shunt_source_key, uint32_t>("source_ranges", 65'536));
  maps_.push_back(MakeHash<uint32_t, shunt_device>("devices", 4096));
  maps_.push_back(MakeArray<shunt_flow_bucket>("flow_index", sizes.buckets));
  maps_.push_back(MakeArray<shunt_flow>("flow_rows", sizes.rows));
  maps_.push_back(MakeArray<uint64_t>("flow_taken", sizes.taken_words));
  maps_.push_back(MakeArray<uint64_t>("snat_ports", sizes.snat_sets * SHUNT_SNAT_WORDS));
  maps_.push_back(MakeArray<shunt_flow_level>("flow_level", 1));
  maps_.push_back(MakeHash<shunt_fragment_key, shunt_fragment>("fragments", sizes.fragments));
}

Tables MemoryMaps::Open() {
  Tables tables;
  std::unique_ptr<Table>* const in_order[] = {
      &tables.prefix_filter,
      &tables.frontend_index,
      &tables.frontend_rows,
      &tables.pools,
      &tables.slots,
      &tables.backends,
      &tables.service_ports,
      &tables.socket_state,
      &tables.socket_taken,
      &tables.previous_state,
      &tables.previous_taken,
      &tables.socket_peers,
      &tables.socket_peer_counts,
      &tables.affinities,
      &tables.service_counters,
      &tables.backend_counters,
      &tables.reasons,
      &tables.meta,
      &tables.source_versions,
      &tables.scopes,
      &tables.scope_filter,
      &tables.node_ports,
      &tables.endpoint_filter,
      &tables.source_ranges,
      &tables.devices,
      &tables.flow_index,
      &tables.flow_rows,
      &tables.flow_taken,
      &tables.snat_ports,
      &tables.flow_level,
      &tables.fragments,
  };
  for (size_t i = 0; i < maps_.size(); ++i) *in_order[i] = std::make_unique<MemoryTable>(*maps_[i], hooks_);
  return tables;
}

void MemoryMaps::PutRow(absl::string_view hash, Bytes key, Bytes value) {
  rows(hash)->hash[std::string(AsView(key))] = std::string(AsView(value));
}

std::unique_ptr<MemoryMaps> MemoryMaps::Clone() const {
  std::unique_ptr<MemoryMaps> copy(new MemoryMaps());
  for (const auto& rows : maps_) copy->maps_.push_back(std::make_unique<MemoryRows>(*rows));
  return copy;
}

MemoryRows* MemoryMaps::rows(absl::string_view name) {
  for (const auto& rows : maps_) {
    if (rows->name == name) return rows.get();
  }
  return nullptr;
}

}  // namespace shunt::datapath
