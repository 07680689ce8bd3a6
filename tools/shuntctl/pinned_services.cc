// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/pinned_services.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_map.h"
#include "userspace/report/traffic.h"

namespace shunt::shuntctl {
namespace {

// Every row that says something about Services, by id.
struct Rows {
  std::vector<report::PortTraffic> ports;                                     // by row
  absl::flat_hash_map<uint32_t, std::vector<report::FrontendRow>> frontends;  // by service port
  absl::flat_hash_map<uint32_t, report::PoolRow> pools;
  absl::flat_hash_map<uint32_t, report::SlotRow> slots;
  std::map<uint32_t, report::BackendTraffic> backends;
  std::vector<report::ReasonRow> reasons;
};

struct Collector {
  Rows& rows;

  void operator()(const report::FrontendRow& row) const {
    if (!row.about_address) rows.frontends[row.service_port].push_back(row);
  }
  void operator()(const report::PoolRow& row) const { rows.pools[row.pool] = row; }
  void operator()(const report::SlotRow& row) const { rows.slots[row.slot] = row; }
  void operator()(const report::ReasonRow& row) const { rows.reasons.push_back(row); }
  template <typename Other>
  void operator()(const Other&) const {}
};

absl::StatusOr<Rows> ReadRows(const DumpRows& dump) {
  // Nothing is read beyond the first map that cannot be read.
  absl::Status status;
  const report::VisitRows visit_rows = [&](absl::string_view map, const auto& visit) {
    if (status.ok()) status = dump(map, visit);
  };
  Rows rows;
  rows.ports = report::ReadPortTraffic(visit_rows);
  for (const char* map : {"frontend_rows", "pools", "slots", "reasons"}) {
    visit_rows(map, [&](const report::MapRow& row) {
      std::visit(Collector{rows}, row);
      return true;
    });
  }
  for (const report::BackendTraffic& backend : report::ReadBackendTraffic(visit_rows)) {
    rows.backends[backend.backend] = backend;
  }
  if (!status.ok()) return status;
  return rows;
}

// A pool's slots as the kernel draws from them, with members in the order that a Pool wants.
model::Pool ReadPool(const Rows& rows, const report::PoolRow& row, std::set<uint32_t>& used_backends) {
  model::Pool pool;
  pool.empty = row.empty.value_or(model::EmptyPool::kNoEndpoints);
  std::vector<report::SlotRow> run;
  std::map<model::SocketAddress, uint32_t> index_of;  // ordered by backend
  for (uint32_t i = 0; i < row.slot_count; ++i) {
    const auto slot = rows.slots.find(row.first_slot + i);
    if (slot == rows.slots.end()) continue;
    const auto backend = rows.backends.find(slot->second.backend);
    if (backend == rows.backends.end() || !rows.backends.contains(slot->second.alias)) continue;
    run.push_back(slot->second);
    index_of.emplace(backend->second.address, 0);
    used_backends.insert(slot->second.backend);
  }
  for (auto& [address, index] : index_of) {
    index = static_cast<uint32_t>(pool.members.size());
    pool.members.push_back({.backend = address});
  }
  if (row.empty.has_value()) return pool;  // its members keep their flows; no connection is new to them
  for (const report::SlotRow& slot : run) {
    const auto alias = index_of.find(rows.backends.at(slot.alias).address);
    if (alias == index_of.end()) continue;
    pool.slots.push_back({index_of.at(rows.backends.at(slot.backend).address), alias->second, slot.threshold});
  }
  return pool;
}

model::Frontend ReadFrontend(const report::FrontendRow& row, uint32_t internal_pool, uint32_t external_pool) {
  model::Frontend frontend;
  frontend.address = row.address;
  frontend.kind = row.kind;
  frontend.internal_pool = internal_pool;
  frontend.external_pool = external_pool;
  frontend.node_in_source_ranges = row.flags.node_in_ranges;
  return frontend;
}

model::PortPlan ReadPort(const Rows& rows, const report::PortTraffic& row, std::set<uint32_t>& used_backends) {
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
    if (row.flags.source_ranges) restricted.push_back(row.address);
  }
  return restricted;
}

void AddClusterIps(const model::PortPlan& port, model::ServicePlan& plan) {
  for (const model::Frontend& frontend : port.frontends) {
    const model::IpAddress& address = frontend.address.address;
    if (frontend.kind != model::FrontendKind::kClusterIp) continue;
    if (std::find(plan.cluster_ips.begin(), plan.cluster_ips.end(), address) != plan.cluster_ips.end()) continue;
    plan.cluster_ips.push_back(address);
  }
}

}  // namespace

absl::StatusOr<PinnedState> ReadPinnedState(const DumpRows& dump) {
  absl::StatusOr<Rows> rows = ReadRows(dump);
  if (!rows.ok()) return rows.status();
  PinnedState state;
  std::map<model::ObjectName, report::ServiceStatus> services;
  std::map<uint32_t, std::set<model::ObjectName>> users;  // of a backend
  for (const report::PortTraffic& row : rows->ports) {
    report::ServiceStatus& service = services[row.service];
    service.plan.service = row.service;
    service.from_maps = true;
    std::set<uint32_t> used_backends;
    service.plan.ports.push_back(ReadPort(*rows, row, used_backends));
    AddClusterIps(service.plan.ports.back(), service.plan);
    for (const model::FrontendAddress& address : RestrictedFrontends(*rows, row.service_port)) {
      service.restricted_frontends.push_back(address);
    }
    state.frontends += static_cast<uint32_t>(service.plan.ports.back().frontends.size());
    for (const uint32_t backend : used_backends) users[backend].insert(row.service);
    service.port_counters.push_back(row.counters);
  }
  for (auto& [name, service] : services) state.services.push_back(std::move(service));
  for (const auto& [id, backend] : rows->backends) {
    state.backends.push_back({.id = id,
                              .address = backend.address,
                              .chosen = backend.chosen,
                              .services = {users[id].begin(), users[id].end()}});
  }
  state.reasons = std::move(rows->reasons);
  return state;
}

}  // namespace shunt::shuntctl
