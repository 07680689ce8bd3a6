// SPDX-License-Identifier: Apache-2.0
// Builds a Pool from endpoints and their verdicts.
#ifndef SHUNT_PLANNER_POOLS_H_
#define SHUNT_PLANNER_POOLS_H_

#include <cstdint>

#include "userspace/model/service_plan.h"
#include "userspace/planner/endpoint_collection.h"

namespace shunt::planner {

// Returns the pool of a scope. Its members are the selected endpoints with their weights and, with weight 0, all others
// that are serving or ready, so that a client's flow survives a change of topology, policy, weight or readiness. In the
// Local pool remote endpoints have weight 0, so that a policy that becomes Local does not cut flows to other nodes.
// The pool has at most `endpoints_max` members: those of weight 0 give way first, from the highest backend down. A
// selected endpoint beyond that becomes kTooMany. `any_usable` is what SelectEndpoints returned.
model::Pool BuildPool(model::PoolScope scope, bool any_usable, uint32_t endpoints_max, Candidates& candidates);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_POOLS_H_
