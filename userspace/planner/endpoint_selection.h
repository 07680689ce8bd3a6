// SPDX-License-Identifier: Apache-2.0
// Which endpoints take new connections: conditions, fall-backs, topology hints, traffic policies.
#ifndef SHUNT_PLANNER_ENDPOINT_SELECTION_H_
#define SHUNT_PLANNER_ENDPOINT_SELECTION_H_

#include "userspace/planner/endpoint_collection.h"
#include "userspace/planner/planner.h"

namespace shunt::planner {

// Completes both verdicts of every candidate that was not refused before.
//
// The cluster-wide set: the ready endpoints that the topology hints leave, or, if there is no ready one at all,
// every serving and terminating one. Hints count all or nothing: one ready endpoint without them, or none that
// names this node (then: this node's zone), and they are ignored.
// The Local set: the ready endpoints of this node, or, if there is none, its serving and terminating ones; hints do
// not matter. Each set falls back by itself.
// `ready` is believed as it stands: with publishNotReadyAddresses it is true for endpoints that do not serve.
// An endpoint of weight 0 is drained: it takes no part, so its siblings stand in for it (fall-backs included) and
// its hints are not asked for.
//
// Returns whether any endpoint anywhere can take a connection. If so, a set that is empty all the same is a Local
// set without an endpoint on this node.
bool SelectEndpoints(const NodeContext& node, Candidates& candidates);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_ENDPOINT_SELECTION_H_
