// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/metrics_query.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_map.h"
#include "userspace/agent/clock.h"
#include "userspace/agent/process_usage.h"

namespace shunt::agent {
namespace {

uint64_t UsedOf(const std::vector<model::MapFill>& fills, absl::string_view map) {
  for (const model::MapFill& fill : fills) {
    if (fill.name == map) return fill.used;
  }
  return 0;
}

// Visits the rows of one type. A map that cannot be read is as good as empty: the page then lacks its series, and the
// status says what is wrong with the maps.
template <typename Row, typename Visit>
void ForEachRow(const MapViews& maps, absl::string_view map, Visit visit) {
  maps.dump(map,
            [&](const model::MapRow& row) {
              if (const Row* typed = std::get_if<Row>(&row)) visit(*typed);
              return true;
            })
      .IgnoreError();
}

std::vector<model::PortTraffic> ReadPorts(const MapViews& maps) {
  std::vector<model::PortTraffic> ports;
  absl::flat_hash_map<uint32_t, size_t> place_of;
  ForEachRow<model::ServicePortRow>(maps, "service_ports", [&](const model::ServicePortRow& row) {
    place_of.emplace(row.service_port, ports.size());
    ports.push_back({.service = row.service, .port = row.port, .protocol = row.protocol, .family = row.family});
  });
  ForEachRow<model::ServiceCountersRow>(maps, "service_counters", [&](const model::ServiceCountersRow& row) {
    const auto place = place_of.find(row.service_port);
    if (place == place_of.end()) return;
    ports[place->second].counters = {
        .translated = row.translated, .no_endpoints = row.no_endpoints, .local_misses = row.local_misses};
  });
  return ports;
}

std::vector<model::BackendTraffic> ReadBackends(const MapViews& maps) {
  std::vector<model::BackendTraffic> backends;
  absl::flat_hash_map<uint32_t, size_t> place_of;
  ForEachRow<model::BackendRow>(maps, "backends", [&](const model::BackendRow& row) {
    place_of.emplace(row.backend, backends.size());
    backends.push_back({row.address, 0});
  });
  ForEachRow<model::BackendCountersRow>(maps, "backend_counters", [&](const model::BackendCountersRow& row) {
    if (const auto place = place_of.find(row.backend); place != place_of.end()) {
      backends[place->second].chosen = row.chosen;
    }
  });
  return backends;
}

}  // namespace

model::Traffic ReadTraffic(const MapViews& maps, const std::vector<model::MapFill>& fills,
                           const TrafficLimits& limits) {
  model::Traffic traffic;
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

model::MetricsQuery MakeMetricsQuery(MetricsSources sources) {
  const auto from = std::make_shared<const MetricsSources>(std::move(sources));
  return [from] {
    model::MetricsSnapshot snapshot;
    snapshot.status = from->status();
    snapshot.agent = from->metrics.Read();
    snapshot.local_misses = from->ledger.totals().local_misses;
    if (from->source != nullptr) snapshot.source = from->source();
    if (const absl::StatusOr<MapViews> maps = from->open_maps(); maps.ok()) {
      snapshot.traffic = ReadTraffic(*maps, snapshot.status.maps, TrafficLimits());
    }
    snapshot.process = ReadProcessUsage();
    snapshot.now_ms = ReadClocks().wall_ms;
    return snapshot;
  };
}

}  // namespace shunt::agent
