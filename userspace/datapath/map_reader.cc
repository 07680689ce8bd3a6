// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/map_reader.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bpf/abi.h"
#include "bpf/packet_abi.h"
#include "bpf/scope_abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/packet_reader.h"
#include "userspace/datapath/row_counts.h"
#include "userspace/datapath/table_rows.h"

namespace shunt::datapath {
namespace {

using Visit = MapReader::Visit;

absl::Status DumpMeta(const Tables& tables, uint64_t now_ns, const Visit& visit) {
  shunt_meta meta = {};
  if (absl::Status status = tables.meta->Load(0, MutableBytesOf(meta)); !status.ok()) return status;
  visit(report::MetaRow{.memory_version = meta.memory_version,
                        .generation = meta.generation,
                        .storage_in_use = meta.storage_in_use != 0,
                        .features = {.sockets = (meta.features & SHUNT_FEATURE_SOCKETS) != 0,
                                     .observe = (meta.features & SHUNT_FEATURE_OBSERVE) != 0,
                                     .packets = (meta.features & SHUNT_FEATURE_PACKETS) != 0},
                        .sign_of_life = DecodeSignOfLife(meta, now_ns)});
  return absl::OkStatus();
}

absl::Status DumpSourceVersions(const Tables& tables, const Visit& visit) {
  static constexpr const char* kResources[] = {"services", "endpointslices", "nodes"};
  static_assert(std::size(kResources) == SHUNT_RESOURCE_COUNT);
  return ForEachRow<shunt_source_version>(
      *tables.source_versions, [&](uint32_t resource, const shunt_source_version& row) {
        const size_t length = ::strnlen(row.version, sizeof(row.version));
        if (length == 0 || length == sizeof(row.version)) return true;
        return visit(report::SourceVersionRow{kResources[resource], std::string(row.version, length), row.objects});
      });
}

report::FrontendFlags DecodeFrontendFlags(uint32_t flags) {
  return {.source_ranges = (flags & SHUNT_ROW_SOURCE_RANGES) != 0,
          .node_in_ranges = (flags & SHUNT_ROW_NODE_IN_RANGES) != 0,
          .snat = (flags & SHUNT_ROW_SNAT) != 0,
          .snat_inside = (flags & SHUNT_ROW_SNAT_INSIDE) != 0,
          .node_address = (flags & SHUNT_ADDRESS_NODE) != 0,
          .host_only = (flags & SHUNT_ADDRESS_HOST_ONLY) != 0,
          .cluster_ip = (flags & SHUNT_ADDRESS_CLUSTER_IP) != 0};
}

report::FrontendRow DecodeRow(uint32_t id, const shunt_frontend_row& row) {
  report::FrontendRow out;
  out.row = id;
  out.address = DecodeFrontend(row.key);
  out.about_address = row.kind == SHUNT_KIND_ADDRESS;
  if (!out.about_address) out.kind = static_cast<model::FrontendKind>(row.kind);
  out.service_port = row.service_port;
  out.internal_pool = row.internal_pool;
  out.external_pool = row.external_pool;
  out.affinity_timeout_s = row.affinity_timeout_s;
  out.udp_idle_s = row.udp_idle_s;
  out.source_list = row.source_ranges;
  out.flags = DecodeFrontendFlags(row.flags);
  return out;
}

// Both `frontend_index` and `frontend_rows`: a row is in use iff the index has an entry for it. The first in the
// order of entries, the second in the order of rows.
absl::Status DumpFrontends(const Tables& tables, const Visit& visit, bool by_row) {
  std::vector<uint32_t> ids;
  absl::Status status =
      ForEachRow<shunt_index_bucket>(*tables.frontend_index, [&](uint32_t, const shunt_index_bucket& bucket) {
        for (const uint64_t entry : bucket.entry) {
          if (static_cast<uint32_t>(entry) != 0) ids.push_back(static_cast<uint32_t>(entry) - 1);
        }
        return true;
      });
  if (!status.ok()) return status;
  if (by_row) std::sort(ids.begin(), ids.end());
  for (const uint32_t id : ids) {
    shunt_frontend_row row = {};
    if (id >= tables.frontend_rows->capacity()) continue;
    if (status = tables.frontend_rows->Load(id, MutableBytesOf(row)); !status.ok()) return status;
    if (row.kind > SHUNT_KIND_EXTERNAL_IP || (row.kind == SHUNT_KIND_ADDRESS) != IsAddressKey(row.key)) continue;
    if (!visit(DecodeRow(id, row))) break;
  }
  return absl::OkStatus();
}

absl::Status DumpBits(const Table& words, const Visit& visit) {
  report::FilterRow filter;
  filter.bits = words.capacity() * 64;
  absl::Status status = ForEachRow<uint64_t>(words, [&](uint32_t, uint64_t word) {
    filter.bits_set += static_cast<uint32_t>(std::popcount(word));
    return true;
  });
  if (status.ok()) visit(filter);
  return status;
}

report::PoolRow DecodePool(uint32_t id, uint64_t word) {
  report::PoolRow pool = {.pool = id,
                          .first_slot = shunt_pool_first(word),
                          .slot_count = shunt_pool_count(word),
                          .generation = shunt_pool_generation(word),
                          .empty = std::nullopt};
  if (shunt_pool_emptiness(word) == SHUNT_EMPTY_NO_ENDPOINTS) pool.empty = model::EmptyPool::kNoEndpoints;
  if (shunt_pool_emptiness(word) == SHUNT_EMPTY_LOCAL_MISS) pool.empty = model::EmptyPool::kLocalMiss;
  return pool;
}

absl::Status DumpPools(const Tables& tables, const Visit& visit) {
  return ForEachRow<uint64_t>(*tables.pools,
                              [&](uint32_t id, uint64_t word) { return word == 0 || visit(DecodePool(id, word)); });
}

absl::Status DumpSlots(const Tables& tables, const Visit& visit) {
  std::vector<std::pair<uint32_t, uint32_t>> runs;
  absl::Status status = ForEachRow<uint64_t>(*tables.pools, [&](uint32_t, uint64_t word) {
    if (shunt_pool_count(word) > 0) runs.emplace_back(shunt_pool_first(word), shunt_pool_count(word));
    return true;
  });
  if (!status.ok()) return status;
  std::sort(runs.begin(), runs.end());
  for (const auto& [first, count] : runs) {
    for (uint32_t i = first; i < first + count && i < tables.slots->capacity(); ++i) {
      shunt_slot slot = {};
      if (status = tables.slots->Load(i, MutableBytesOf(slot)); !status.ok()) return status;
      if (!visit(report::SlotRow{i, slot.backend, slot.alias, slot.threshold})) return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

absl::Status DumpBackends(const Tables& tables, const Visit& visit) {
  return ForEachRow<shunt_backend>(*tables.backends, [&](uint32_t id, const shunt_backend& row) {
    return row.in_use == 0 || visit(report::BackendRow{id, DecodeBackend(row)});
  });
}

absl::Status DumpServicePorts(const Tables& tables, const Visit& visit) {
  return ForEachRow<shunt_service_port>(*tables.service_ports, [&](uint32_t index, const shunt_service_port& row) {
    const std::optional<ServicePortIdentity> identity = DecodeServicePort(row);
    if (!identity) return true;
    return visit(report::ServicePortRow{.service_port = index,
                                        .service = identity->service,
                                        .port_name = identity->port_name,
                                        .port = identity->port,
                                        .protocol = identity->protocol,
                                        .family = identity->family});
  });
}

absl::Status DumpRowsOfSockets(const Table& states, const Table& taken, bool* wants_more, const Visit& visit) {
  absl::Status failure;
  absl::Status status = ForEachRow<uint64_t>(taken, [&](uint32_t index, uint64_t word) {
    for (; word != 0; word &= word - 1) {
      const uint32_t id = index * 64 + static_cast<uint32_t>(std::countr_zero(word));
      shunt_socket_state state = {};
      if (id >= states.capacity()) return true;
      failure = states.Load(id, MutableBytesOf(state));
      if (!failure.ok()) return false;
      const shunt_translation& first = state.first;
      const report::SocketStateRow row = {
          .cookie = state.cookie,
          .dialled = DecodeSocketAddress(first.dialled, first.dialled_port),
          .backend_address = DecodeSocketAddress(first.backend_address, first.backend_port),
          .pool = first.pool,
          .backend = first.backend,
          .flags = {.translated = (first.flags & SHUNT_STATE_TRANSLATED) != 0,
                    .peers = (first.flags & SHUNT_STATE_PEERS) != 0,
                    .exempt = (first.flags & SHUNT_STATE_EXEMPT) != 0,
                    .answers = (first.flags & SHUNT_STATE_ANSWERS) != 0,
                    .direct = (first.flags & SHUNT_STATE_DIRECT) != 0,
                    .unserved = (first.flags & SHUNT_STATE_UNSERVED) != 0}};
      *wants_more = visit(row);
      if (!*wants_more) return false;
    }
    return true;
  });
  return failure.ok() ? status : failure;
}

// Those with a row of an earlier size come last.
absl::Status DumpSockets(const Tables& tables, const Visit& visit) {
  bool wants_more = true;
  absl::Status status = DumpRowsOfSockets(*tables.socket_state, *tables.socket_taken, &wants_more, visit);
  if (!status.ok() || !wants_more) return status;
  return DumpRowsOfSockets(*tables.previous_state, *tables.previous_taken, &wants_more, visit);
}

absl::Status DumpPeers(const Tables& tables, const Visit& visit) {
  auto rows = Collect<shunt_peer_key, shunt_peer>(*tables.socket_peers);
  if (!rows.ok()) return rows.status();
  std::sort(rows->begin(), rows->end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.cookie, a.first.direction) < std::pair(b.first.cookie, b.first.direction);
  });
  for (const auto& [key, peer] : *rows) {
    const bool forward = key.direction == SHUNT_PEER_FORWARD;
    if (!forward && key.direction != SHUNT_PEER_REVERSE) continue;
    const shunt_translation& to = peer.translation;
    report::SocketPeerRow row = {
        .cookie = key.cookie,
        .direction = forward ? report::PeerDirection::kForward : report::PeerDirection::kReverse,
        .from = DecodeSocketAddress(key.address, key.port),
        .to = forward ? DecodeSocketAddress(to.backend_address, to.backend_port)
                      : DecodeSocketAddress(to.dialled, to.dialled_port)};
    if (forward) {
      row.pool = to.pool;
      row.backend = to.backend;
    }
    if (!visit(row)) break;
  }
  return absl::OkStatus();
}

absl::Status DumpPeerCounts(const Tables& tables, const Visit& visit) {
  return ForEachRow<uint32_t>(*tables.socket_peer_counts, [&](uint32_t row, uint32_t count) {
    return count == 0 || visit(report::PeerCountRow{row, count});
  });
}

absl::Status DumpAffinities(const Tables& tables, uint64_t now_ns, const Visit& visit) {
  auto rows = Collect<shunt_affinity_key, shunt_affinity>(*tables.affinities);
  if (!rows.ok()) return rows.status();
  std::sort(rows->begin(), rows->end(), [](const auto& a, const auto& b) {
    return a.first.service_port != b.first.service_port ? a.first.service_port < b.first.service_port
                                                        : std::memcmp(&a.first, &b.first, sizeof(a.first)) < 0;
  });
  for (const auto& [key, affinity] : *rows) {
    report::AffinityRow row;
    if (key.client_kind == SHUNT_CLIENT_NETNS) {
      row.client = absl::StrCat("netns ", FromBytes<uint64_t>(BytesOf(key.client).first(sizeof(uint64_t))));
    } else {
      row.client = DecodeAddress(key.client).ToString();
    }
    row.service_port = key.service_port;
    row.backend = shunt_affinity_backend(affinity.choice);
    // A program on another CPU may have used it after the clock was read.
    row.idle_ms = now_ns > affinity.last_use_ns ? (now_ns - affinity.last_use_ns) / 1'000'000 : 0;
    if (!visit(row)) break;
  }
  return absl::OkStatus();
}

// Adds up an index's counters, whose blocks, one a CPU, are `stride` rows apart.
template <typename Counters>
absl::StatusOr<std::array<uint64_t, sizeof(Counters) / sizeof(uint64_t)>> SumCounters(const Table& table,
                                                                                      uint32_t stride, uint32_t index) {
  std::array<uint64_t, sizeof(Counters) / sizeof(uint64_t)> sum = {};
  for (uint64_t row = index; row < table.capacity(); row += stride) {
    decltype(sum) one = {};
    absl::Status status = table.Load(static_cast<uint32_t>(row), MutableBytesOf(one));
    if (!status.ok()) return status;
    for (size_t i = 0; i < sum.size(); ++i) sum[i] += one[i];
  }
  return sum;
}

absl::Status DumpServiceCounters(const Tables& tables, const Visit& visit) {
  absl::Status failure;
  absl::Status status =
      ForEachRow<shunt_service_port>(*tables.service_ports, [&](uint32_t index, const shunt_service_port& row) {
        if (row.family == 0) return true;
        const auto sum =
            SumCounters<shunt_service_counters>(*tables.service_counters, tables.service_ports->capacity(), index);
        failure = sum.status();
        if (!sum.ok()) return false;
        return visit(report::ServiceCountersRow{
            .service_port = index, .translated = (*sum)[0], .no_endpoints = (*sum)[1], .local_misses = (*sum)[2]});
      });
  return failure.ok() ? status : failure;
}

absl::Status DumpBackendCounters(const Tables& tables, const Visit& visit) {
  absl::Status failure;
  absl::Status status = ForEachRow<shunt_backend>(*tables.backends, [&](uint32_t id, const shunt_backend& row) {
    if (row.in_use == 0) return true;
    const auto sum = SumCounters<shunt_backend_counters>(*tables.backend_counters, tables.backends->capacity(), id);
    failure = sum.status();
    return sum.ok() && visit(report::BackendCountersRow{.backend = id, .chosen = (*sum)[0]});
  });
  return failure.ok() ? status : failure;
}

absl::Status DumpReasons(const Tables& tables, const Visit& visit) {
  struct Reason {
    const char* name;
    const char* meaning;
  };
  static constexpr Reason kReasons[] = {
#define SHUNT_REASON_NAMES(constant, name, meaning) {name, meaning},
      SHUNT_REASONS(SHUNT_REASON_NAMES)
#undef SHUNT_REASON_NAMES
  };
  for (uint32_t i = 0; i < SHUNT_REASON_COUNT; ++i) {
    const auto sum = SumCounters<uint64_t>(*tables.reasons, SHUNT_REASON_STRIDE, i);
    if (!sum.ok()) return sum.status();
    if (!visit(report::ReasonRow{kReasons[i].name, kReasons[i].meaning, (*sum)[0]})) break;
  }
  return absl::OkStatus();
}

// Returns nothing for a kind that this build does not know.
std::optional<report::ScopeKind> DecodeScopeKind(uint32_t kind) {
  switch (kind) {
    case SHUNT_SCOPE_CGROUP:
      return report::ScopeKind::kCgroup;
    case SHUNT_SCOPE_NETNS:
      return report::ScopeKind::kNetworkNamespace;
    case SHUNT_SCOPE_PODS:
      return report::ScopeKind::kPods;
    case SHUNT_SCOPE_KERNEL:
      return report::ScopeKind::kKernel;
    default:
      return std::nullopt;
  }
}

absl::Status DumpScopes(const Tables& tables, const Visit& visit) {
  std::vector<report::ScopeRow> rows;
  absl::Status status = tables.scopes->ForEach([&](Bytes key_bytes, Bytes value_bytes) {
    const auto key = FromBytes<shunt_scope_key>(key_bytes);
    const auto value = FromBytes<shunt_scope>(value_bytes);
    const std::optional<report::ScopeKind> kind = DecodeScopeKind(key.kind);
    if (!kind) return;
    rows.push_back({.kind = *kind,
                    .id = key.id,
                    .configured = (value.origins & SHUNT_SCOPE_CONFIGURED) != 0,
                    .added = (value.origins & SHUNT_SCOPE_ADDED) != 0,
                    .name = std::string(value.name, strnlen(value.name, sizeof(value.name)))});
  });
  if (!status.ok()) return status;
  std::sort(rows.begin(), rows.end(), [](const report::ScopeRow& a, const report::ScopeRow& b) {
    return std::tie(a.kind, a.name, a.id) < std::tie(b.kind, b.name, b.id);
  });
  for (const report::ScopeRow& row : rows) {
    if (!visit(row)) break;
  }
  return absl::OkStatus();
}

absl::Status DumpScopeFilter(const Tables& tables, const Visit& visit) {
  visit(report::FilterRow{static_cast<uint32_t>(CountScopeBits(tables)), SHUNT_SCOPE_BITS});
  return absl::OkStatus();
}

constexpr uint64_t kBits = 64, kNoLimit = 0;  // MapView::places

// Everything that is to be known about one map beside its table.
struct MapView {
  const char* name;
  const char* type;
  std::unique_ptr<Table> Tables::* table;
  uint64_t (*count)(const Tables&);
  std::function<absl::Status(const Tables&, const Visit&)> dump;
  uint64_t places = 1;  // that a row has; 0: the map cannot fill up
};

// The packet path's, in the order of docs/maps.md.
std::vector<MapView> PacketViews(uint64_t jiffy_ns) {
  return {
      {"node_ports", "array", &Tables::node_ports, CountNodePorts, DumpNodePorts, kBits},
      {"endpoint_filter", "array", &Tables::endpoint_filter, CountEndpointBits,
       [](const Tables& tables, const Visit& visit) { return DumpBits(*tables.endpoint_filter, visit); }, kBits},
      {"source_ranges", "lpm_trie", &Tables::source_ranges, CountSourceRanges, DumpSourceRanges},
      {"devices", "hash", &Tables::devices, CountDevices, DumpDevices},
      {"flow_index", "array", &Tables::flow_index, CountFlowEntries, DumpFlowIndex, SHUNT_FLOW_ENTRIES},
      {"flow_rows", "array", &Tables::flow_rows, CountFlows,
       [jiffy_ns](const Tables& tables, const Visit& visit) { return DumpFlowRows(tables, jiffy_ns, visit); }},
      {"flow_taken", "array", &Tables::flow_taken, CountFlows,
       [](const Tables& tables, const Visit& visit) { return DumpBits(*tables.flow_taken, visit); }, kBits},
      {"snat_ports", "array", &Tables::snat_ports, CountSnatPorts, DumpSnatPorts, kBits},
      {"flow_level", "array", &Tables::flow_level, CountFlowLevel, DumpFlowLevel, kNoLimit},
      {"fragments", "lru_hash", &Tables::fragments, CountFragments, DumpFragments, kNoLimit},
  };
}

std::vector<MapView> Views(const MapReader::BootClock& clock, uint64_t jiffy_ns) {
  std::vector<MapView> views = {
      {"meta", "array", &Tables::meta, CountMeta,
       [&clock](const Tables& tables, const Visit& visit) { return DumpMeta(tables, clock(), visit); }, kNoLimit},
      {"source_versions", "array", &Tables::source_versions, CountSourceVersions, DumpSourceVersions, kNoLimit},
      {"prefix_filter", "array", &Tables::prefix_filter, CountFilterBits,
       [](const Tables& tables, const Visit& visit) { return DumpBits(*tables.prefix_filter, visit); }, kBits},
      {"frontend_index", "array", &Tables::frontend_index, CountFrontends,
       [](const Tables& tables, const Visit& visit) { return DumpFrontends(tables, visit, /*by_row=*/false); },
       SHUNT_INDEX_ENTRIES},
      {"frontend_rows", "array", &Tables::frontend_rows, CountFrontends,
       [](const Tables& tables, const Visit& visit) { return DumpFrontends(tables, visit, /*by_row=*/true); }},
      {"pools", "array", &Tables::pools, CountPools, DumpPools},
      {"slots", "array", &Tables::slots, CountSlots, DumpSlots},
      {"backends", "array", &Tables::backends, CountBackends, DumpBackends},
      {"service_ports", "array", &Tables::service_ports, CountServicePorts, DumpServicePorts},
      {"socket_state", "array", &Tables::socket_state, CountSockets, DumpSockets},
      {"socket_taken", "array", &Tables::socket_taken, CountSockets,
       [](const Tables& tables, const Visit& visit) { return DumpBits(*tables.socket_taken, visit); }, kBits},
      {"socket_peers", "hash", &Tables::socket_peers, CountPeers, DumpPeers},
      {"socket_peer_counts", "array", &Tables::socket_peer_counts, CountPeerCounts, DumpPeerCounts},
      {"affinities", "lru_hash", &Tables::affinities, CountAffinities,
       [&clock](const Tables& tables, const Visit& visit) { return DumpAffinities(tables, clock(), visit); }},
      {"scopes", "hash", &Tables::scopes, CountScopes, DumpScopes},
      {"scope_filter", "array", &Tables::scope_filter, CountScopeBits, DumpScopeFilter, SHUNT_SCOPE_BITS},
      {"service_counters", "array", &Tables::service_counters, CountServicePorts, DumpServiceCounters},
      {"backend_counters", "array", &Tables::backend_counters, CountBackends, DumpBackendCounters},
      {"reasons", "array", &Tables::reasons, CountReasons, DumpReasons, kNoLimit},
  };
  std::vector<MapView> of_packets = PacketViews(jiffy_ns);
  std::move(of_packets.begin(), of_packets.end(), std::back_inserter(views));
  return views;
}

}  // namespace

report::SignOfLife DecodeSignOfLife(const shunt_meta& meta, uint64_t now_ns) {
  report::SignOfLife sign{.stale_after_ms = static_cast<int64_t>(meta.stale_after_ms)};
  if (meta.applied_ms != 0) {
    sign.age_ms = static_cast<int64_t>(now_ns / 1'000'000) - static_cast<int64_t>(meta.applied_ms);
    sign.age_ms = std::max<int64_t>(sign.age_ms, 0);  // it may have been given after the clock was read
  }
  return sign;
}

MapReader::MapReader(const Tables& tables, BootClock clock, uint64_t jiffy_ns)
    : tables_(tables), clock_(std::move(clock)), jiffy_ns_(jiffy_ns) {}

uint64_t MapReader::ReadBootClock() {
  timespec now = {};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// The coarse clocks advance once a jiffy.
uint64_t MapReader::ReadJiffy() {
  timespec jiffy = {};
  clock_getres(CLOCK_MONOTONIC_COARSE, &jiffy);
  return static_cast<uint64_t>(jiffy.tv_nsec);
}

std::vector<std::string> MapReader::MapNames() {
  std::vector<std::string> names;
  for (const MapView& view : Views(&ReadBootClock, ReadJiffy())) names.emplace_back(view.name);
  return names;
}

absl::Status MapReader::Dump(absl::string_view map, const Visit& visit) const {
  for (const MapView& view : Views(clock_, jiffy_ns_)) {
    if (view.name == map) return view.dump(tables_, visit);
  }
  return absl::NotFoundError(
      absl::StrCat("dump map ", map, ": no such map; there are ", absl::StrJoin(MapNames(), ", ")));
}

std::vector<report::MapFill> MapReader::FillLevels() const {
  std::vector<report::MapFill> levels;
  for (const MapView& view : Views(clock_, jiffy_ns_)) {
    const Table& table = *(tables_.*view.table);
    report::MapFill fill = {.name = view.name, .type = view.type, .capacity = table.capacity()};
    fill.used = view.count(tables_);
    fill.capacity *= view.places;
    levels.push_back(std::move(fill));
    if (view.table == &Tables::socket_state && tables_.previous_state->capacity() > 1) {
      report::MapFill previous = {.name = "previous_state", .type = view.type};
      previous.capacity = tables_.previous_state->capacity();
      previous.used = CountPreviousSockets(tables_);
      levels.push_back(std::move(previous));
    }
  }
  return levels;
}

}  // namespace shunt::datapath
