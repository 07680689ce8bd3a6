// SPDX-License-Identifier: Apache-2.0
// From judged endpoints to a Pool.
#ifndef SHUNT_PLANNER_POOLS_H_
#define SHUNT_PLANNER_POOLS_H_

#include <cstdint>

#include "userspace/model/service_plan.h"
#include "userspace/planner/endpoint_collection.h"

namespace shunt::planner {

// Members are the selected endpoints of the scope with their weights and, with weight 0, the others to which a flow
// may live: all that serve or are ready, whatever else speaks against them. So a client's flow outlasts a
// change of topology, policy, weight or readiness; also in the Local pool, where remote endpoints are members of
// weight 0, because a policy that becomes Local must not cut the flows that went elsewhere.
// The pool has at most `endpoints_max` members: members of weight 0 give way first, each from the highest
// backend down. A selected endpoint that finds no room becomes kTooMany.
// `any_usable` is what SelectEndpoints returned.
model::Pool BuildPool(model::PoolScope scope, bool any_usable, uint32_t endpoints_max, Candidates& candidates);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_POOLS_H_
