// SPDX-License-Identifier: Apache-2.0
// What it costs to plan and apply a Service, before it is planned.
#ifndef SHUNT_AGENT_CONTROL_WORK_COST_H_
#define SHUNT_AGENT_CONTROL_WORK_COST_H_

#include <cstdint>

#include "absl/types/span.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/service.h"
#include "userspace/model/service_plan.h"

namespace shunt::agent {

// Returns roughly how many rows a plan of the objects has: on each port its frontends, their source ranges and its
// endpoints. What has to be read or taken away counts too: slices, annotations, the rows of `before`. One unit is about
// a microsecond of the loop's time. `service` is null if it is gone; `before` is null if there was no plan.
uint64_t WorkCost(const model::Service* service, absl::Span<const model::EndpointSlice* const> slices,
                  const model::ServicePlan* before);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_WORK_COST_H_
