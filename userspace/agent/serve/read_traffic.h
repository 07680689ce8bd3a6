// SPDX-License-Identifier: Apache-2.0
// What the programs counted for each ServicePort and each backend, read from the maps for /metrics.
#ifndef SHUNT_AGENT_SERVE_READ_TRAFFIC_H_
#define SHUNT_AGENT_SERVE_READ_TRAFFIC_H_

#include <cstdint>
#include <vector>

#include "userspace/report/agent_metrics.h"
#include "userspace/report/pinned_maps.h"

namespace shunt::agent {

// Above these numbers there are no series by Service or by backend (report::Traffic).
struct TrafficLimits {
  uint64_t service_ports = 2000;
  uint64_t backends = 5000;
};

// `fills` are the maps' present fill levels. They decide, before anything is read, whether there are too many rows.
report::Traffic ReadTraffic(const report::PinnedMaps& maps, const std::vector<report::MapFill>& fills,
                            const TrafficLimits& limits);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SERVE_READ_TRAFFIC_H_
