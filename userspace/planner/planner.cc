// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/planner.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "userspace/planner/endpoint_collection.h"
#include "userspace/planner/endpoint_selection.h"
#include "userspace/planner/frontends.h"
#include "userspace/planner/left_out.h"
#include "userspace/planner/pools.h"
#include "userspace/planner/service_addresses.h"
#include "userspace/planner/service_filter.h"
#include "userspace/planner/service_ports.h"
#include "userspace/planner/warnings.h"
#include "userspace/planner/weights.h"

namespace shunt::planner {
namespace {

model::PlannedEndpoint ToPlanned(const Candidate& candidate) {
  model::PlannedEndpoint planned;
  planned.backend = candidate.backend;
  planned.address_text = candidate.endpoint->address;
  planned.pod_name = candidate.endpoint->pod_name;
  planned.node_name = candidate.endpoint->node_name;
  planned.zone = candidate.endpoint->zone;
  planned.slice_name = candidate.slice->name;
  planned.weight = candidate.weight;
  planned.ready = candidate.ready;
  planned.serving = candidate.serving;
  planned.terminating = candidate.terminating;
  planned.cluster_verdict = candidate.cluster_verdict;
  planned.local_verdict = candidate.local_verdict;
  return planned;
}

constexpr uint64_t kRowsOfSlice = 4;

// An operator may allow larger pools than rows_max.
uint64_t RowsOfSetMax(const PlannerOptions& options) {
  return std::max(options.rows_max, options.endpoints_max);
}

// Drops the last slices, in the order of their names, if one set alone would have more than `rows_max` rows by them.
void DropExcess(uint64_t rows_max, WeightedSlices& slices, Warnings& warnings) {
  uint64_t rows = 0;
  for (size_t i = 0; i < slices.size(); ++i) {
    rows += kRowsOfSlice + slices[i].slice->endpoints.size();
    if (rows <= rows_max) continue;
    warnings.Add(absl::StrCat("EndpointSlice ", slices[i].slice->name.name, ": with it the Service has more than ",
                              rows_max, " endpoints: it and those after it are not served"));
    slices.resize(i);
    return;
  }
}

// What the ports of a Service need so far, for PlannerOptions::frontends_max and rows_max.
struct Need {
  uint64_t frontends = 0;
  uint64_t rows = 0;

  void Add(const model::ServicePort& port, model::IpFamily family, const FamilyAddresses& addresses,
           const PoolChoice& choice, const WeightedSlices& slices) {
    const uint64_t of_port =
        1 + (port.node_port != 0) + addresses.external_ips.size() + addresses.load_balancer_ips.size();
    frontends += of_port;
    rows += of_port + addresses.load_balancer_ips.size() * addresses.source_ranges.size();
    rows += kRowsOfSlice * slices.size();
    const uint64_t pools = choice.uses_cluster && choice.uses_local ? 2 : 1;
    for (const WeightedSlice& slice : slices) {
      if (slice.slice->address_type == AddressTypeOf(family)) rows += pools * slice.slice->endpoints.size();
    }
  }
};

// Returns what is too much for a Service; empty if nothing is.
std::string Excess(const Need& need, const PlannerOptions& options) {
  if (need.frontends > options.frontends_max) return absl::StrCat(options.frontends_max, " frontends");
  if (need.rows > options.rows_max) return absl::StrCat(options.rows_max, " endpoints and addresses on all ports");
  return "";
}

// Counts the ready endpoints of this node that can get a share, unique by address, of each family by itself: a load
// balancer that probes by one family sends by that family.
class LocalReadyCount {
 public:
  void Add(model::IpFamily family, const Candidates& candidates) {
    auto& addresses = family == model::IpFamily::kV4 ? v4_ : v6_;
    if (!addresses.has_value()) addresses.emplace();
    for (const Candidate& candidate : candidates) {
      if (candidate.ready && candidate.local_verdict == model::EndpointVerdict::kSelected) {
        addresses->insert(candidate.backend.address);
      }
    }
  }
  void Give(model::ServicePlan& plan) const {
    if (v4_.has_value()) plan.local_ready_v4 = static_cast<uint32_t>(v4_->size());
    if (v6_.has_value()) plan.local_ready_v6 = static_cast<uint32_t>(v6_->size());
  }

 private:
  using Addresses = absl::flat_hash_set<model::IpAddress>;

  std::optional<Addresses> v4_;
  std::optional<Addresses> v6_;
};

// What the plans of a Service's ports share.
struct PortContext {
  const ServiceAddresses& addresses;
  const WeightedSlices& slices;
  const CollectionContext collection;
  const uint32_t endpoints_max;
  Warnings& warnings;
  LocalReadyCount* const local_ready;  // null if the Service has no health check
};

model::PortPlan PlanPort(const model::ServicePort& port, model::IpFamily family, const PoolChoice& choice,
                         const PortContext& context) {
  model::PortPlan plan;
  plan.name = port.name;
  plan.protocol = port.protocol;
  plan.port = port.port;
  plan.family = family;

  const FamilyAddresses& addresses = context.addresses.Of(family);
  const uint32_t endpoints_max = context.endpoints_max;
  plan.frontends = BuildFrontends(port, family, addresses, choice);

  Candidates candidates = CollectEndpoints(port, family, context.slices, context.collection);
  const bool any_usable = SelectEndpoints(context.collection.node, candidates);
  plan.pools.reserve(size_t{choice.uses_cluster} + size_t{choice.uses_local});
  if (choice.uses_cluster) {
    plan.pools.push_back(BuildPool(model::PoolScope::kCluster, any_usable, endpoints_max, candidates));
  }
  if (choice.uses_local) {
    plan.pools.push_back(BuildPool(model::PoolScope::kLocal, any_usable, endpoints_max, candidates));
  }
  if (context.local_ready != nullptr) context.local_ready->Add(family, candidates);
  WarnOfLeftOut(port, family, candidates, endpoints_max, context.warnings);

  plan.endpoints.reserve(candidates.size());
  for (const Candidate& candidate : candidates) plan.endpoints.push_back(ToPlanned(candidate));
  return plan;
}

}  // namespace

size_t SlicesMax(const PlannerOptions& options) {
  return RowsOfSetMax(options) / kRowsOfSlice + 1;  // one too many, of which the plan warns
}

model::ServicePlan PlanService(const model::Service& service, absl::Span<const model::EndpointSlice* const> slices,
                               const NodeContext& node, const PlannerOptions& options) {
  model::ServicePlan plan;
  plan.service = service.name;
  plan.creation_time_s = service.creation_time_s;
  Warnings warnings;
  if (const absl::string_view lacking = WhatIsLacking(service); !lacking.empty()) warnings.Add(std::string(lacking));
  if (!IsServed(service)) {
    plan.warnings = std::move(warnings).Take();
    return plan;
  }
  const ServiceAddresses addresses = ReadServiceAddresses(service, node, options, warnings);
  const EndpointWeights weights(service, warnings);
  const std::vector<model::ServicePort> ports = ReadPorts(service, options.ports_max, warnings);
  const int32_t affinity_timeout_s = ReadAffinityTimeout(service, warnings);
  WeightedSlices served_slices = ReadSlices(slices, warnings);
  DropExcess(RowsOfSetMax(options), served_slices, warnings);
  const bool health_checked = service.type == model::ServiceType::kLoadBalancer &&
                              service.external_traffic_policy == model::TrafficPolicy::kLocal &&
                              service.health_check_node_port != 0;

  LocalReadyCount local_ready;
  const PortContext context = {addresses,       served_slices,
                               {weights, node}, options.endpoints_max,
                               warnings,        health_checked ? &local_ready : nullptr};
  Need need;
  plan.ports.reserve(2 * ports.size());
  for (const model::ServicePort& port : ports) {
    for (const model::IpFamily family : {model::IpFamily::kV4, model::IpFamily::kV6}) {
      if (!addresses.Of(family).served) continue;
      const PoolChoice choice = PoolChoice::Of(service, port, addresses.Of(family));
      need.Add(port, family, addresses.Of(family), choice, served_slices);
      if (const std::string excess = Excess(need, options); !excess.empty() && !plan.ports.empty()) {
        warnings.Add(absl::StrCat("port ", port.port, "/", model::ProtocolName(port.protocol),
                                  ": with it the Service has more than ", excess, ": not served"));
        continue;
      }
      plan.ports.push_back(PlanPort(port, family, choice, context));
      plan.ports.back().affinity_timeout_s = affinity_timeout_s;
      if (port.protocol == model::Protocol::kUdp) plan.ports.back().udp_idle_s = options.udp_idle_s;
    }
  }
  if (health_checked) {
    plan.health_check_node_port = service.health_check_node_port;
    local_ready.Give(plan);
  }
  plan.warnings = std::move(warnings).Take();
  return plan;
}

}  // namespace shunt::planner
