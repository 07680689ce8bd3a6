// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/serve/read_traffic.h"

#include <variant>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace shunt::agent {
namespace {

uint64_t UsedOf(const std::vector<report::MapFill>& fills, absl::string_view map) {
  for (const report::MapFill& fill : fills) {
    if (fill.name == map) return fill.used;
  }
  return 0;
}

// Visits the rows of one type. A map that cannot be read counts as empty: the page then lacks its series, and the
// status says what is wrong with the maps.
template <typename Row, typename Visit>
void ForEachRow(const report::PinnedMaps& maps, absl::string_view map, Visit visit) {
  maps.DumpMap(map,
               [&](const report::MapRow& row) {
                 if (const Row* typed = std::get_if<Row>(&row)) visit(*typed);
                 return true;
               })
      .IgnoreError();
}

std::vector<report::PortTraffic> ReadPorts(const report::PinnedMaps& maps) {
  std::vector<report::PortTraffic> ports;
  absl::flat_hash_map<uint32_t, size_t> place_of;
  ForEachRow<report::ServicePortRow>(maps, "service_ports", [&](const report::ServicePortRow& row) {
    place_of.emplace(row.service_port, ports.size());
    ports.push_back({.service = row.service, .port = row.port, .protocol = row.protocol, .family = row.family});
  });
  ForEachRow<report::ServiceCountersRow>(maps, "service_counters", [&](const report::ServiceCountersRow& row) {
    const auto place = place_of.find(row.service_port);
    if (place == place_of.end()) return;
    ports[place->second].counters = {
        .translated = row.translated, .no_endpoints = row.no_endpoints, .local_misses = row.local_misses};
  });
  return ports;
}

std::vector<report::BackendTraffic> ReadBackends(const report::PinnedMaps& maps) {
  std::vector<report::BackendTraffic> backends;
  absl::flat_hash_map<uint32_t, size_t> place_of;
  ForEachRow<report::BackendRow>(maps, "backends", [&](const report::BackendRow& row) {
    place_of.emplace(row.backend, backends.size());
    backends.push_back({row.address, 0});
  });
  ForEachRow<report::BackendCountersRow>(maps, "backend_counters", [&](const report::BackendCountersRow& row) {
    if (const auto place = place_of.find(row.backend); place != place_of.end()) {
      backends[place->second].chosen = row.chosen;
    }
  });
  return backends;
}

}  // namespace

report::Traffic ReadTraffic(const report::PinnedMaps& maps, const std::vector<report::MapFill>& fills,
                            const TrafficLimits& limits) {
  report::Traffic traffic;
  if (const uint64_t ports = UsedOf(fills, "service_ports"); ports > limits.service_ports) {
    traffic.ports_left_out = ports;
  } else {
    traffic.ports = ReadPorts(maps);
  }
  if (const uint64_t backends = UsedOf(fills, "backends"); backends > limits.backends) {
    traffic.backends_left_out = backends;
  } else {
    traffic.backends = ReadBackends(maps);
  }
  return traffic;
}

}  // namespace shunt::agent
