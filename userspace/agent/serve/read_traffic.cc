// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/serve/read_traffic.h"

#include "absl/strings/string_view.h"
#include "userspace/report/traffic.h"

namespace shunt::agent {
namespace {

uint64_t UsedOf(const std::vector<report::MapFill>& fills, absl::string_view map) {
  for (const report::MapFill& fill : fills) {
    if (fill.name == map) return fill.used;
  }
  return 0;
}

// A map that cannot be read counts as empty: the page then lacks its series, and the status says what is wrong with the
// maps.
report::VisitRows RowsOf(const report::PinnedMaps& maps) {
  return [&maps](absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) {
    maps.DumpMap(map, visit).IgnoreError();
  };
}

}  // namespace

report::Traffic ReadTraffic(const report::PinnedMaps& maps, const std::vector<report::MapFill>& fills,
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

}  // namespace shunt::agent
