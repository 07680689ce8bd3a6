// SPDX-License-Identifier: Apache-2.0
// Plans what the kernel should hold: from one Service, its slices and this node to one ServicePlan. It is pure (no I/O,
// no clock, no state): the same inputs give the same plan, after every restart too. Thread-safe.
#ifndef SHUNT_PLANNER_PLANNER_H_
#define SHUNT_PLANNER_PLANNER_H_

#include <cstddef>

#include "absl/types/span.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/service.h"
#include "userspace/model/service_plan.h"
#include "userspace/planner/planner_options.h"

namespace shunt::planner {

// How many slices of one Service, the first ones by name, are worth passing to PlanService: with those after them it
// would leave out as much, because of rows_max, and the plan is the same.
size_t SlicesMax(const PlannerOptions& options);

// Returns the plan of `service`. `slices` are those whose ServiceName() is the service's, in any order, of any address
// type. A Service that the proxy must not serve (headless, ExternalName, or labelled for another proxy) gives a plan
// without ports. Never fails: it leaves out the part of an object that is wrong and adds a warning.
//
// PortPlans come in the order of the Service's ports, IPv4 before IPv6. A plan has an address in one frontend only;
// frontend_claims.h settles claims of other Services. SCTP ports are planned like any other, so that the plan says
// where their traffic should go; their frontends' verdict says that there is no socket hook for them.
model::ServicePlan PlanService(const model::Service& service, absl::Span<const model::EndpointSlice* const> slices,
                               const NodeContext& node, const PlannerOptions& options = {});

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_PLANNER_H_
