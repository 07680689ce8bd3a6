// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/work_cost.h"

#include <algorithm>

#include "userspace/planner/planner_options.h"

namespace shunt::agent {
namespace {

constexpr uint64_t kEachService = 16;
constexpr uint64_t kEachSlice = 4;
constexpr uint64_t kBytesPerUnit = 64;  // of an annotation
// The planner stops at PlannerOptions::rows_max, whatever the objects ask for beyond that.
constexpr uint64_t kRowsMax = planner::PlannerOptions().rows_max + planner::PlannerOptions().frontends_max;

uint64_t RowsOf(const model::Service& service, absl::Span<const model::EndpointSlice* const> slices) {
  uint64_t rows = 2 * service.cluster_ips.size() + service.external_ips.size() +
                  service.load_balancer_ingress.size() * (1 + service.load_balancer_source_ranges.size());
  for (const model::EndpointSlice* slice : slices) rows += kEachSlice + slice->endpoints.size();
  return std::min<uint64_t>(rows * service.ports.size(), kRowsMax);
}

uint64_t RowsOf(const model::ServicePlan& plan) {
  uint64_t rows = 0;
  for (const model::PortPlan& port : plan.ports) rows += port.frontends.size() + port.endpoints.size();
  return rows;
}

}  // namespace

uint64_t WorkCost(const model::Service* service, absl::Span<const model::EndpointSlice* const> slices,
                  const model::ServicePlan* before) {
  uint64_t rows = before == nullptr ? 0 : RowsOf(*before);
  uint64_t bytes = 0;
  if (service != nullptr) {
    rows = std::max(rows, RowsOf(*service, slices));
    for (const auto& [key, value] : service->annotations) bytes += value.size();
  }
  return kEachService + rows + bytes / kBytesPerUnit;
}

}  // namespace shunt::agent
