// SPDX-License-Identifier: Apache-2.0
// Puts together what /metrics shows: from the admin API's status, from what the loop counted and from the maps.
#ifndef SHUNT_AGENT_METRICS_QUERY_H_
#define SHUNT_AGENT_METRICS_QUERY_H_

#include <functional>

#include "absl/status/statusor.h"
#include "userspace/agent/ledger.h"
#include "userspace/agent/metrics.h"
#include "userspace/agent/queries.h"
#include "userspace/model/agent_metrics.h"

namespace shunt::agent {

// Above these there are no series by Service or backend (model::Traffic).
struct TrafficLimits {
  uint64_t service_ports = 2000;
  uint64_t backends = 5000;
};

// `fills` are the maps' present fill levels: they decide, before anything is read, whether it is too much.
model::Traffic ReadTraffic(const MapViews& maps, const std::vector<model::MapFill>& fills, const TrafficLimits& limits);

// All must outlive the query.
struct MetricsSources {
  std::function<model::AgentStatus()> status;  // model::AgentQueries::status
  const Ledger& ledger;
  const Metrics& metrics;
  std::function<model::SourceStatus()> source;  // null: the source says nothing about itself
  std::function<absl::StatusOr<MapViews>()> open_maps;
};
model::MetricsQuery MakeMetricsQuery(MetricsSources sources);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_METRICS_QUERY_H_
