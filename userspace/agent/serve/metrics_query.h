// SPDX-License-Identifier: Apache-2.0
// Puts together what /metrics shows: from the admin API's status, from what the loop counted and from the maps.
#ifndef SHUNT_AGENT_SERVE_METRICS_QUERY_H_
#define SHUNT_AGENT_SERVE_METRICS_QUERY_H_

#include <functional>

#include "absl/status/statusor.h"
#include "userspace/agent/control/ledger.h"
#include "userspace/agent/control/metrics.h"
#include "userspace/agent/serve/live_view.h"
#include "userspace/report/agent_metrics.h"

namespace shunt::agent {

// Above these there are no series by Service or backend (report::Traffic).
struct TrafficLimits {
  uint64_t service_ports = 2000;
  uint64_t backends = 5000;
};

// `fills` are the maps' present fill levels: they decide, before anything is read, whether it is too much.
report::Traffic ReadTraffic(const MapViews& maps, const std::vector<report::MapFill>& fills,
                            const TrafficLimits& limits);

// All must outlive the query.
struct MetricsSources {
  std::function<report::AgentStatus()> status;  // report::AgentQueries::status
  const Ledger& ledger;
  const Metrics& metrics;
  std::function<report::SourceStatus()> source;  // null: the source says nothing about itself
  std::function<absl::StatusOr<MapViews>()> open_maps;
};
report::MetricsQuery MakeMetricsQuery(MetricsSources sources);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SERVE_METRICS_QUERY_H_
