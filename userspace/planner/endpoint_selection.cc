// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/endpoint_selection.h"

#include <algorithm>
#include <string>
#include <vector>

namespace shunt::planner {
namespace {

using model::EndpointVerdict;

enum class TopologyMode { kNone, kSameZone, kSameNode };

bool Names(const std::vector<model::SharedText>& hints, absl::string_view name) {
  return std::find(hints.begin(), hints.end(), name) != hints.end();
}

// Returns whether the candidate has been neither drained nor refused.
bool IsEligible(const Candidate& candidate) {
  return candidate.cluster_verdict == EndpointVerdict::kSelected;
}

bool IsFallBack(const Candidate& candidate) {
  return candidate.serving && candidate.terminating;
}

// What there is to choose from.
struct Supply {
  bool ready = false;
  bool local_ready = false;
  bool fall_back = false;
  TopologyMode mode = TopologyMode::kNone;
};

Supply Survey(const NodeContext& node, const Candidates& candidates) {
  Supply supply;
  bool all_name_nodes = true;
  bool all_name_zones = true;
  bool this_node_named = false;
  bool this_zone_named = false;
  for (const Candidate& candidate : candidates) {
    if (!IsEligible(candidate)) continue;
    if (!candidate.ready) {
      supply.fall_back |= IsFallBack(candidate);
      continue;
    }
    supply.ready = true;
    supply.local_ready |= candidate.is_local;
    const model::Endpoint& endpoint = *candidate.endpoint;
    all_name_nodes &= !endpoint.hint_nodes.empty();
    all_name_zones &= !endpoint.hint_zones.empty();
    this_node_named |= Names(endpoint.hint_nodes, node.node_name);
    this_zone_named |= Names(endpoint.hint_zones, node.zone);
  }
  if (all_name_nodes && this_node_named && !node.node_name.empty()) {
    supply.mode = TopologyMode::kSameNode;
  } else if (all_name_zones && this_zone_named && !node.zone.empty()) {
    supply.mode = TopologyMode::kSameZone;
  }
  return supply;
}

EndpointVerdict ClusterVerdict(const NodeContext& node, const Supply& supply, const Candidate& candidate) {
  if (!candidate.ready) return supply.ready ? EndpointVerdict::kTerminating : EndpointVerdict::kSelected;
  if (supply.mode == TopologyMode::kSameNode && !Names(candidate.endpoint->hint_nodes, node.node_name)) {
    return EndpointVerdict::kOtherNode;
  }
  if (supply.mode == TopologyMode::kSameZone && !Names(candidate.endpoint->hint_zones, node.zone)) {
    return EndpointVerdict::kOtherZone;
  }
  return EndpointVerdict::kSelected;
}

EndpointVerdict LocalVerdict(const Supply& supply, const Candidate& candidate) {
  if (!candidate.is_local) return EndpointVerdict::kNotLocal;
  if (!candidate.ready && supply.local_ready) return EndpointVerdict::kTerminating;
  return EndpointVerdict::kSelected;
}

}  // namespace

bool SelectEndpoints(const NodeContext& node, Candidates& candidates) {
  for (Candidate& candidate : candidates) {
    if (!IsEligible(candidate)) continue;
    if (!candidate.ready && !IsFallBack(candidate)) {
      candidate.Refuse(candidate.terminating ? EndpointVerdict::kNotServing : EndpointVerdict::kNotReady);
    } else if (candidate.weight == 0) {
      candidate.Refuse(EndpointVerdict::kWeightZero);
    }
  }
  const Supply supply = Survey(node, candidates);
  for (Candidate& candidate : candidates) {
    if (!IsEligible(candidate)) continue;
    candidate.local_verdict = LocalVerdict(supply, candidate);
    candidate.cluster_verdict = ClusterVerdict(node, supply, candidate);
  }
  return supply.ready || supply.fall_back;
}

}  // namespace shunt::planner
