// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/plan_copy.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "bpf/abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/frontend_index.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/packet_filters.h"
#include "userspace/datapath/prefix_filter.h"
#include "userspace/datapath/table.h"
#include "userspace/datapath/tables.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {
namespace {

// Copies the rows of one map into the map of the same name, block by block: `from_stride` and `to_stride` are the rows
// of a block in each. Rows beyond the smaller stride are left out.
absl::Status CopyRows(const Table& from, uint32_t from_stride, Table& to, uint32_t to_stride) {
  std::vector<std::byte> row(from.value_size());
  const uint32_t blocks = std::min(from.capacity() / from_stride, to.capacity() / to_stride);
  for (uint32_t block = 0; block < blocks; ++block) {
    for (uint32_t i = 0; i < std::min(from_stride, to_stride); ++i) {
      if (absl::Status status = from.Load(block * from_stride + i, absl::MakeSpan(row)); !status.ok()) return status;
      if (std::all_of(row.begin(), row.end(), [](std::byte byte) { return byte == std::byte{0}; })) continue;
      if (absl::Status status = to.Store(block * to_stride + i, row); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

// Copies those bits of a bitmap that `mask` has in every word, if `from` has the map in the same size.
absl::Status CopyWords(const MapSet& from, const MapSet& to, const std::string& map, uint64_t mask) {
  if (from.Fd(map) < 0) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<Table>> old = from.OpenTable(map);
  if (!old.ok()) return old.status();
  absl::StatusOr<std::unique_ptr<Table>> fresh = to.OpenTable(map);
  if (!fresh.ok()) return fresh.status();
  if ((*old)->capacity() != (*fresh)->capacity()) return absl::OkStatus();
  for (uint32_t i = 0; i < (*fresh)->capacity(); ++i) {
    uint64_t word = 0;
    if (absl::Status status = (*old)->Load(i, MutableBytesOf(word)); !status.ok()) return status;
    if (absl::Status status = (*fresh)->StoreWord(i, 0, word & mask); !status.ok()) return status;
  }
  return absl::OkStatus();
}

class PlanCopy {
 public:
  PlanCopy(const MapSet& from, const MapSet& to) : from_set_(from), to_set_(to) {}

  absl::StatusOr<bool> Run();

 private:
  absl::Status CopyMap(const char* map, const char* stride_of = nullptr);
  absl::Status CopyFilters();
  absl::Status CopyBackends();
  // Sets the bits that programs ask before they find the frontend, or the address row.
  absl::Status SetBits(const shunt_frontend_row& row);
  absl::Status CopyPools();
  absl::Status CopyFrontends();
  absl::StatusOr<bool> CopyFrontend(FrontendIndex& index, const shunt_frontend_key& key, uint32_t id);
  absl::Status CopyAffinities();
  absl::Status CopyHash(const char* map, std::unique_ptr<Table> Tables::* table);
  bool Fits(uint64_t pool_word) const;
  bool IsShared(const std::string& map) const {
    absl::StatusOr<bpf_map_info> from = DescribeMap(from_set_.Fd(map), map), to = DescribeMap(to_set_.Fd(map), map);
    return from.ok() && to.ok() && from->id == to->id;
  }

  const MapSet& from_set_;
  const MapSet& to_set_;
  Tables from_, to_;
  // The new plan's, with the bits of the old one that mean the same, and those of the rows that are copied.
  std::optional<PrefixFilter> prefixes_;
  std::optional<PacketFilters> ports_and_endpoints_;
  std::vector<bool> pool_fits_;  // by id
  bool complete_ = true;
};

absl::Status PlanCopy::CopyMap(const char* map, const char* stride_of) {
  if (IsShared(map)) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<Table>> from = from_set_.OpenTable(map);
  if (!from.ok()) return from.status();
  absl::StatusOr<std::unique_ptr<Table>> to = to_set_.OpenTable(map);
  if (!to.ok()) return to.status();
  const char* const strides = stride_of == nullptr ? map : stride_of;
  return CopyRows(**from, from_set_.Capacity(strides), **to, to_set_.Capacity(strides));
}

// A prefix_filter of another size has another meaning of its bits, and an earlier build has no other filter.
absl::Status PlanCopy::CopyFilters() {
  absl::Status status;
  if (from_.prefix_filter->capacity() == to_.prefix_filter->capacity()) status.Update(CopyMap("prefix_filter"));
  status.Update(CopyMap("node_ports"));
  status.Update(CopyMap("endpoint_filter"));
  if (!status.ok()) return status;
  prefixes_.emplace(*to_.prefix_filter);
  ports_and_endpoints_.emplace(*to_.node_ports, *to_.endpoint_filter);
  status.Update(prefixes_->ReadBack());
  status.Update(ports_and_endpoints_->ReadBack());
  return status;
}

absl::Status PlanCopy::CopyBackends() {
  if (absl::Status status = CopyMap("backends"); !status.ok()) return status;
  for (uint32_t id = 0; id < to_.backends->capacity(); ++id) {
    shunt_backend row = {};
    if (absl::Status status = to_.backends->Load(id, MutableBytesOf(row)); !status.ok()) return status;
    if (row.in_use == 0) continue;
    const model::SocketAddress backend = DecodeBackend(row);
    if (absl::Status status = prefixes_->SetBackend(backend.address); !status.ok()) return status;
    if (absl::Status status = ports_and_endpoints_->SetBackend(backend); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status PlanCopy::SetBits(const shunt_frontend_row& row) {
  const auto kind = static_cast<model::FrontendKind>(row.kind);
  if (!IsAddressKey(row.key)) {
    if (absl::Status status = ports_and_endpoints_->SetFrontend(row.key, kind); !status.ok()) return status;
  }
  if (IsWildcard(row.key.address)) return absl::OkStatus();
  const model::IpAddress address = DecodeAddress(row.key.address);
  prefixes_->Add(address);
  return IsAddressKey(row.key) ? prefixes_->Set(address) : prefixes_->SetFrontend(address, kind);
}

// Returns true if every slot of the set is in the new map, and names backends that are.
bool PlanCopy::Fits(uint64_t pool_word) const {
  const uint32_t first = shunt_pool_first(pool_word), count = shunt_pool_count(pool_word);
  if (count == 0) return true;
  if (uint64_t{first} + count > to_.slots->capacity()) return false;
  for (uint32_t slot = first; slot < first + count; ++slot) {
    shunt_slot row = {};
    if (!from_.slots->Load(slot, MutableBytesOf(row)).ok()) return false;
    if (row.backend >= to_.backends->capacity() || row.alias >= to_.backends->capacity()) return false;
  }
  return true;
}

absl::Status PlanCopy::CopyPools() {
  pool_fits_.assign(to_.pools->capacity(), false);
  for (uint32_t id = 0; id < std::min(from_.pools->capacity(), to_.pools->capacity()); ++id) {
    uint64_t word = 0;
    if (absl::Status status = from_.pools->Load(id, MutableBytesOf(word)); !status.ok()) return status;
    pool_fits_[id] = Fits(word);
    if (word == 0 || !pool_fits_[id]) continue;
    if (absl::Status status = to_.pools->StoreWord(id, 0, word); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// Returns false if the frontend, or what it leads to, does not fit.
absl::StatusOr<bool> PlanCopy::CopyFrontend(FrontendIndex& index, const shunt_frontend_key& key, uint32_t id) {
  shunt_frontend_row row = {};
  if (absl::Status status = from_.frontend_rows->Load(id, MutableBytesOf(row)); !status.ok()) return status;
  const auto pool_fits = [&](uint32_t pool) { return pool < pool_fits_.size() && pool_fits_[pool]; };
  const bool leads_to_nothing = row.kind == SHUNT_KIND_ADDRESS;
  if (id >= to_.frontend_rows->capacity()) return false;
  if (!leads_to_nothing && (row.service_port >= to_.service_ports->capacity() || !pool_fits(row.internal_pool) ||
                            !pool_fits(row.external_pool))) {
    return false;
  }
  const uint32_t slot = index.Take(key);
  if (slot == FrontendIndex::kNoIndexSlot) return false;
  if (absl::Status status = to_.frontend_rows->Store(id, BytesOf(row)); !status.ok()) return status;
  if (absl::Status status = SetBits(row); !status.ok()) return status;
  if (absl::Status status = index.Put(key, slot, id, true); !status.ok()) return status;
  return true;
}

absl::Status PlanCopy::CopyFrontends() {
  shunt_meta meta = {};
  if (absl::Status status = to_.meta->Load(0, MutableBytesOf(meta)); !status.ok()) return status;
  FrontendIndex old_index(*from_.frontend_index, meta.index_seed), index(*to_.frontend_index, meta.index_seed);
  std::vector<std::pair<shunt_frontend_key, uint32_t>> frontends;
  absl::flat_hash_set<std::string> known;
  const auto visit = [&](uint32_t id) -> std::optional<shunt_frontend_key> {
    shunt_frontend_row row = {};
    if (id >= from_.frontend_rows->capacity() || !from_.frontend_rows->Load(id, MutableBytesOf(row)).ok()) {
      return std::nullopt;
    }
    return row.key;
  };
  const auto found = [&](const shunt_frontend_key& key, uint32_t, uint32_t id) {
    if (!known.emplace(reinterpret_cast<const char*>(&key), sizeof(key)).second) return false;
    frontends.emplace_back(key, id);
    return true;
  };
  if (absl::Status status = old_index.Adopt(visit, found); !status.ok()) return status;
  for (const auto& [key, id] : frontends) {
    const absl::StatusOr<bool> copied = CopyFrontend(index, key, id);
    if (!copied.ok()) return copied.status();
    complete_ &= *copied;
  }
  return index.WriteCounts();
}

absl::Status PlanCopy::CopyAffinities() {
  if (IsShared("affinities")) return absl::OkStatus();
  absl::Status failure;
  const absl::Status read = from_.affinities->ForEach([&](Bytes key_bytes, Bytes value_bytes) {
    shunt_affinity_key key = {};
    shunt_affinity value = {};
    std::memcpy(&key, key_bytes.data(), sizeof(key));
    std::memcpy(&value, value_bytes.data(), sizeof(value));
    if (key.service_port >= to_.service_ports->capacity() ||
        shunt_affinity_backend(value.choice) >= to_.backends->capacity()) {
      return;
    }
    const int error = bpf_map_update_elem(to_set_.Fd("affinities"), &key, &value, BPF_ANY);
    if (error < 0) failure = KernelError(error, "map affinities: copy a row");
  });
  return read.ok() ? failure : read;
}

// For a hash that the agent writes.
absl::Status PlanCopy::CopyHash(const char* map, std::unique_ptr<Table> Tables::* table) {
  if (IsShared(map)) return absl::OkStatus();
  absl::Status failure;
  const absl::Status read = (from_.*table)->ForEach([&](Bytes key, Bytes value) {
    if (failure.ok()) failure = (to_.*table)->Put(key, value);
  });
  return read.ok() ? failure : read;
}

absl::StatusOr<bool> PlanCopy::Run() {
  for (const auto& [set, tables] : {std::pair(&from_set_, &from_), std::pair(&to_set_, &to_)}) {
    absl::StatusOr<Tables> opened = set->OpenTables();
    if (!opened.ok()) return opened.status();
    *tables = *std::move(opened);
  }
  absl::Status status = CopyFilters();
  if (status.ok()) status.Update(CopyBackends());
  status.Update(CopyMap("service_ports"));
  status.Update(CopyMap("slots"));
  status.Update(CopyHash("source_ranges", &Tables::source_ranges));
  status.Update(CopyHash("devices", &Tables::devices));
  status.Update(CopyHash("scopes", &Tables::scopes));
  status.Update(CopyMap("scope_filter"));
  status.Update(CopyMap("service_counters", "service_ports"));
  status.Update(CopyMap("backend_counters", "backends"));
  if (status.ok()) status.Update(CopyPools());
  if (status.ok()) status.Update(CopyFrontends());
  if (status.ok()) status.Update(CopyAffinities());
  if (!status.ok()) return status;
  return complete_;
}

}  // namespace

bool IsShareable(absl::string_view map) {
  return map == "affinities" || map == "service_counters" || map == "backend_counters";
}

absl::StatusOr<bool> CopyPlan(const MapSet& from, const MapSet& to) {
  return PlanCopy(from, to).Run();
}

bool MayBeginEmpty(absl::string_view map) {
  return map == "node_ports" || map == "endpoint_filter" || map == "source_ranges" || map == "devices" ||
         map == "scopes" || map == "scope_filter";
}

absl::Status CopyBackendFilters(const MapSet& from, const MapSet& to) {
  constexpr uint64_t kFirstBits = ~uint64_t{0} / ((1u << SHUNT_PREFIX_SETS) - 1);  // of every prefix in a word
  absl::Status status = CopyWords(from, to, "prefix_filter", kFirstBits << SHUNT_PREFIX_BACKENDS);
  if (status.ok()) status = CopyWords(from, to, "endpoint_filter", ~uint64_t{0});
  return status.ok() ? CopyWords(from, to, "node_ports", ~uint64_t{0}) : status;
}

}  // namespace shunt::datapath
