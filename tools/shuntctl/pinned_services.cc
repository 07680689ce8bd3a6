// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/pinned_services.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_map.h"

namespace shunt::shuntctl {
namespace {

// Every row that says something about Services, by id.
struct Rows {
  std::map<uint32_t, report::ServicePortRow> ports;
  absl::flat_hash_map<uint32_t, std::vector<report::FrontendRow>> frontends;  // by service port
  absl::flat_hash_map<uint32_t, report::PoolRow> pools;
  absl::flat_hash_map<uint32_t, report::SlotRow> slots;
  std::map<uint32_t, model::SocketAddress> backends;
  absl::flat_hash_map<uint32_t, report::ServiceCountersRow> service_counters;
  absl::flat_hash_map<uint32_t, uint64_t> chosen;  // by backend
  std::vector<report::ReasonRow> reasons;
};

struct Collector {
  Rows& rows;

  void operator()(const report::ServicePortRow& row) const { rows.ports[row.service_port] = row; }
  void operator()(const report::FrontendRow& row) const {
    if (!row.about_address) rows.frontends[row.service_port].push_back(row);
  }
  void operator()(const report::PoolRow& row) const { rows.pools[row.pool] = row; }
  void operator()(const report::SlotRow& row) const { rows.slots[row.slot] = row; }
  void operator()(const report::BackendRow& row) const { rows.backends[row.backend] = row.address; }
  void operator()(const report::ServiceCountersRow& row) const { rows.service_counters[row.service_port] = row; }
  void operator()(const report::BackendCountersRow& row) const { rows.chosen[row.backend] = row.chosen; }
  void operator()(const report::ReasonRow& row) const { rows.reasons.push_back(row); }
  template <typename Other>
  void operator()(const Other&) const {}
};

absl::StatusOr<Rows> ReadRows(const DumpRows& dump) {
  Rows rows;
  for (const char* map : {"service_ports", "frontend_rows", "pools", "slots", "backends", "service_counters",
                          "backend_counters", "reasons"}) {
    absl::Status status = dump(map, [&](const report::MapRow& row) {
      std::visit(Collector{rows}, row);
      return true;
    });
    if (!status.ok()) return status;
  }
  return rows;
}

// A pool's slots as the kernel draws from them, with members in the order that a Pool wants.
model::Pool ReadPool(const Rows& rows, const report::PoolRow& row, std::set<uint32_t>& used_backends) {
  model::Pool pool;
  pool.empty = row.empty == "local_miss" ? model::EmptyPool::kLocalMiss : model::EmptyPool::kNoEndpoints;
  std::vector<report::SlotRow> run;
  std::map<model::SocketAddress, uint32_t> index_of;  // ordered by backend
  for (uint32_t i = 0; i < row.slot_count; ++i) {
    const auto slot = rows.slots.find(row.first_slot + i);
    if (slot == rows.slots.end()) continue;
    const auto backend = rows.backends.find(slot->second.backend);
    if (backend == rows.backends.end() || !rows.backends.contains(slot->second.alias)) continue;
    run.push_back(slot->second);
    index_of.emplace(backend->second, 0);
    used_backends.insert(slot->second.backend);
  }
  for (auto& [address, index] : index_of) {
    index = static_cast<uint32_t>(pool.members.size());
    pool.members.push_back({.backend = address});
  }
  if (!row.empty.empty()) return pool;  // its members keep their flows; no connection is new to them
  for (const report::SlotRow& slot : run) {
    const auto alias = index_of.find(rows.backends.at(slot.alias));
    if (alias == index_of.end()) continue;
    pool.slots.push_back({index_of.at(rows.backends.at(slot.backend)), alias->second, slot.threshold});
  }
  return pool;
}

bool HasFlag(const report::FrontendRow& row, absl::string_view flag) {
  return std::find(row.flags.begin(), row.flags.end(), flag) != row.flags.end();
}

model::Frontend ReadFrontend(const report::FrontendRow& row, uint32_t internal_pool, uint32_t external_pool) {
  model::Frontend frontend;
  frontend.address = row.address;
  frontend.kind = row.kind;
  frontend.internal_pool = internal_pool;
  frontend.external_pool = external_pool;
  frontend.node_in_source_ranges = HasFlag(row, "node_in_ranges");
  return frontend;
}

model::PortPlan ReadPort(const Rows& rows, const report::ServicePortRow& row, std::set<uint32_t>& used_backends) {
  model::PortPlan port{.name = row.port_name, .protocol = row.protocol, .port = row.port, .family = row.family};
  const auto frontends = rows.frontends.find(row.service_port);
  if (frontends == rows.frontends.end()) return port;
  std::vector<uint32_t> pool_ids;
  const auto index_of = [&](uint32_t id) {
    const auto found = std::find(pool_ids.begin(), pool_ids.end(), id);
    const auto index = static_cast<uint32_t>(found - pool_ids.begin());
    if (found == pool_ids.end()) {
      pool_ids.push_back(id);
      const auto pool = rows.pools.find(id);
      port.pools.push_back(pool == rows.pools.end() ? model::Pool() : ReadPool(rows, pool->second, used_backends));
    }
    return index;
  };
  for (const report::FrontendRow& frontend : frontends->second) {
    const uint32_t internal_pool = index_of(frontend.internal_pool);
    port.frontends.push_back(ReadFrontend(frontend, internal_pool, index_of(frontend.external_pool)));
    port.affinity_timeout_s = static_cast<int32_t>(frontend.affinity_timeout_s);
  }
  std::sort(port.frontends.begin(), port.frontends.end(), [](const model::Frontend& a, const model::Frontend& b) {
    return std::tie(a.kind, a.address) < std::tie(b.kind, b.address);
  });
  std::set<model::SocketAddress> addresses;
  for (const model::Pool& pool : port.pools) {
    for (const model::PoolMember& member : pool.members) addresses.insert(member.backend);
  }
  for (const model::SocketAddress& address : addresses) port.endpoints.push_back({.backend = address});
  return port;
}

std::vector<model::FrontendAddress> RestrictedFrontends(const Rows& rows, uint32_t service_port) {
  std::vector<model::FrontendAddress> restricted;
  const auto frontends = rows.frontends.find(service_port);
  if (frontends == rows.frontends.end()) return restricted;
  for (const report::FrontendRow& row : frontends->second) {
    if (HasFlag(row, "source_ranges")) restricted.push_back(row.address);
  }
  return restricted;
}

}  // namespace

absl::StatusOr<PinnedState> ReadPinnedState(const DumpRows& dump) {
  absl::StatusOr<Rows> rows = ReadRows(dump);
  if (!rows.ok()) return rows.status();
  PinnedState state;
  std::map<model::ObjectName, report::ServiceStatus> services;
  std::map<uint32_t, std::set<model::ObjectName>> users;  // of a backend
  for (const auto& [index, row] : rows->ports) {
    report::ServiceStatus& service = services[row.service];
    service.plan.service = row.service;
    service.from_maps = true;
    std::set<uint32_t> used_backends;
    service.plan.ports.push_back(ReadPort(*rows, row, used_backends));
    for (const model::FrontendAddress& address : RestrictedFrontends(*rows, index)) {
      service.restricted_frontends.push_back(address);
    }
    state.frontends += static_cast<uint32_t>(service.plan.ports.back().frontends.size());
    for (const uint32_t backend : used_backends) users[backend].insert(row.service);
    const auto counters = rows->service_counters.find(index);
    service.port_counters.push_back(counters == rows->service_counters.end()
                                        ? report::ServiceStatus::PortCounters()
                                        : report::ServiceStatus::PortCounters{counters->second.translated,
                                                                              counters->second.no_endpoints,
                                                                              counters->second.local_misses});
  }
  for (auto& [name, service] : services) state.services.push_back(std::move(service));
  for (const auto& [id, address] : rows->backends) {
    const auto chosen = rows->chosen.find(id);
    state.backends.push_back({.id = id,
                              .address = address,
                              .chosen = chosen == rows->chosen.end() ? 0 : chosen->second,
                              .services = {users[id].begin(), users[id].end()}});
  }
  state.reasons = std::move(rows->reasons);
  return state;
}

}  // namespace shunt::shuntctl
