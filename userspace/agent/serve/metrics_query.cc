// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/serve/metrics_query.h"

#include <memory>
#include <string>
#include <utility>

#include "userspace/agent/process/clock.h"
#include "userspace/agent/process/process_usage.h"
#include "userspace/report/traffic.h"

namespace shunt::agent {
namespace {

uint64_t UsedOf(const std::vector<report::MapFill>& fills, absl::string_view map) {
  for (const report::MapFill& fill : fills) {
    if (fill.name == map) return fill.used;
  }
  return 0;
}

// A map that cannot be read is as good as empty: the page then lacks its series, and the status says what is wrong with
// the maps.
report::VisitRows RowsOf(const MapViews& maps) {
  return [&maps](absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) {
    maps.dump(map, visit).IgnoreError();
  };
}

}  // namespace

report::Traffic ReadTraffic(const MapViews& maps, const std::vector<report::MapFill>& fills,
                            const TrafficLimits& limits) {
  report::Traffic traffic;
  if (const uint64_t ports = UsedOf(fills, "service_ports"); ports > limits.service_ports) {
    traffic.ports_left_out = ports;
  } else {
    traffic.ports = report::ReadPortTraffic(RowsOf(maps));
  }
  if (const uint64_t backends = UsedOf(fills, "backends"); backends > limits.backends) {
    traffic.backends_left_out = backends;
  } else {
    traffic.backends = report::ReadBackendTraffic(RowsOf(maps));
  }
  return traffic;
}

report::MetricsQuery MakeMetricsQuery(MetricsSources sources) {
  const auto from = std::make_shared<const MetricsSources>(std::move(sources));
  return [from] {
    report::MetricsSnapshot snapshot;
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
