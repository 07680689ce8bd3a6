// SPDX-License-Identifier: Apache-2.0
// Decides which endpoints take new connections: conditions, fall-backs, topology hints, traffic policies.
#ifndef SHUNT_PLANNER_ENDPOINT_SELECTION_H_
#define SHUNT_PLANNER_ENDPOINT_SELECTION_H_

#include "userspace/planner/endpoint_collection.h"
#include "userspace/planner/planner_options.h"

namespace shunt::planner {

// Completes both verdicts of every candidate that has not been refused.
//
// The cluster-wide set has the ready endpoints that the topology hints leave or, if no endpoint is ready, every serving
// and terminating one. Hints apply only if every ready endpoint has them and one names this node (or else this node's
// zone).
// The Local set has the ready endpoints of this node or, if there is none, its serving and terminating ones; it ignores
// hints. Each set falls back by itself.
// `ready` is taken as it is: with publishNotReadyAddresses it is true for endpoints that do not serve.
// An endpoint of weight 0 is drained: the sets are chosen as if it did not exist, fall-backs and hints included.
//
// Returns whether an endpoint on any node can take a connection. If so, a set can be empty only if it is a Local set
// without an endpoint on this node.
bool SelectEndpoints(const NodeContext& node, Candidates& candidates);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_ENDPOINT_SELECTION_H_
