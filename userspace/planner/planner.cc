// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/planner.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
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
uint64_t RowsMax(const PlannerOptions& options) {
  return std::max(options.rows_max, options.endpoints_max);
}

uint64_t PoolsOf(const PoolChoice& choice) {
  return choice.uses_cluster && choice.uses_local ? 2 : 1;
}

absl::string_view NameOf(model::IpFamily family) {
  return family == model::IpFamily::kV4 ? "IPv4" : "IPv6";
}

// Returns "2 endpoints", or "1 endpoint".
std::string Counted(size_t count, absl::string_view what) {
  return absl::StrCat(count, " ", what, count == 1 ? "" : "s");
}

// The slices of one family.
class FamilySlices {
 public:
  void Add(WeightedSlice slice) {
    endpoints_ += slice.slice->endpoints.size();
    slices_.push_back(std::move(slice));
  }

  // What they cost on a port with `pools` pools.
  uint64_t RowsOf(uint64_t pools) const { return kRowsOfSlice * slices_.size() + pools * endpoints_; }

  // Drops, with a warning, the slices that do not fit into `rows_max` rows on such a port. Those with endpoints of this
  // node come first, because its Local policies and health checks depend on them; the others come by name.
  void Bound(uint64_t rows_max, uint64_t pools, model::IpFamily family, const NodeContext& node, Warnings& warnings) {
    if (RowsOf(pools) <= rows_max) return;
    const std::vector<bool> local = AreLocal(node, 4 * rows_max);
    std::vector<bool> kept(slices_.size());
    uint64_t rows = 0;
    for (const bool with_local : {true, false}) {
      for (size_t i = 0; i < slices_.size(); ++i) {
        const uint64_t cost = kRowsOfSlice + pools * slices_[i].slice->endpoints.size();
        if (local[i] != with_local || rows + cost > rows_max) continue;
        kept[i] = true;
        rows += cost;
      }
    }
    FamilySlices rest, dropped;
    for (size_t i = 0; i < slices_.size(); ++i) (kept[i] ? rest : dropped).Add(std::move(slices_[i]));
    warnings.Add(absl::StrCat(NameOf(family), ": ", dropped.Text(), ", not served: they do not fit into ", rows_max,
                              " rows, of which an endpoint takes one in each pool of a port and an EndpointSlice ",
                              kRowsOfSlice));
    *this = std::move(rest);
  }

  // Warns of endpoints that are of no family of the Service.
  void WarnOfNoClusterIp(model::IpFamily family, Warnings& warnings) const {
    if (endpoints_ == 0) return;
    const absl::string_view name = NameOf(family);
    warnings.Add(absl::StrCat(name, ": ", Text(), ", not served: the Service has no ", name,
                              " ClusterIP; give it one, or remove what is of this family"));
  }

  const WeightedSlices& slices() const { return slices_; }

 private:
  // REQUIRES: there is one.
  std::string Text() const {
    return absl::StrCat(Counted(slices_.size(), "EndpointSlice"), " with ", Counted(endpoints_, "endpoint"),
                        ", the first ", slices_[0].name.view());
  }

  // Returns which slices have an endpoint of this node, among the first `endpoints_max` endpoints.
  std::vector<bool> AreLocal(const NodeContext& node, uint64_t endpoints_max) const {
    std::vector<bool> local;
    uint64_t seen = 0;
    for (const WeightedSlice& slice : slices_) {
      const std::vector<model::Endpoint>& endpoints = slice.slice->endpoints;
      seen += endpoints.size();
      local.push_back(seen <= endpoints_max &&
                      std::any_of(endpoints.begin(), endpoints.end(), [&](const model::Endpoint& endpoint) {
                        return !endpoint.node_name.empty() && endpoint.node_name == node.node_name;
                      }));
    }
    return local;
  }

  WeightedSlices slices_;
  uint64_t endpoints_ = 0;
};

struct SlicesByFamily {
  FamilySlices v4, v6;

  FamilySlices& Of(model::IpFamily family) { return family == model::IpFamily::kV4 ? v4 : v6; }
  const FamilySlices& Of(model::IpFamily family) const { return family == model::IpFamily::kV4 ? v4 : v6; }
};

// Slices of which the store may have passed a part only are cut where the store cuts them.
SlicesByFamily Divide(WeightedSlices slices, bool too_many, const PlannerOptions& options, Warnings& warnings) {
  const size_t slices_max = SlicesMax(options) - 1;
  if (too_many) {
    warnings.Add(absl::StrCat("more than ", slices_max, " EndpointSlices: those after them by name are not served"));
    if (slices.size() > slices_max) slices.resize(slices_max);
  }
  SlicesByFamily by_family;
  for (WeightedSlice& slice : slices) {
    const bool v4 = slice.slice->address_type == AddressTypeOf(model::IpFamily::kV4);
    (v4 ? by_family.v4 : by_family.v6).Add(std::move(slice));
  }
  return by_family;
}

// Returns those of the Service's ClusterIPs on which it is served, in its order.
absl::InlinedVector<model::IpAddress, 1> ServedClusterIps(const model::Service& service,
                                                          const ServiceAddresses& addresses) {
  absl::InlinedVector<model::IpAddress, 1> served;
  for (const std::string& text : service.cluster_ips) {
    const std::optional<model::IpAddress> address = model::IpAddress::Parse(text);
    if (!address.has_value()) continue;
    const FamilyAddresses& family = addresses.Of(address->family());
    if (!family.served || family.cluster_ip != *address) continue;
    if (std::find(served.begin(), served.end(), *address) == served.end()) served.push_back(*address);
  }
  return served;
}

// Warns of endpoints of the family that the Service lacks. One without any ClusterIP that can be read has a warning of
// its own.
void WarnOfOtherFamily(const ServiceAddresses& addresses, const SlicesByFamily& slices, Warnings& warnings) {
  if (addresses.v4.served && !addresses.v6.served) slices.v6.WarnOfNoClusterIp(model::IpFamily::kV6, warnings);
  if (addresses.v6.served && !addresses.v4.served) slices.v4.WarnOfNoClusterIp(model::IpFamily::kV4, warnings);
}

// What the ports of a Service need so far, for PlannerOptions::frontends_max and rows_max.
struct Need {
  uint64_t frontends = 0;
  uint64_t rows = 0;

  void AddFrontends(const model::ServicePort& port, const FamilyAddresses& addresses) {
    const uint64_t of_port =
        1 + (port.node_port != 0) + addresses.external_ips.size() + addresses.load_balancer_ips.size();
    frontends += of_port;
    rows += of_port + addresses.load_balancer_ips.size() * addresses.source_ranges.size();
  }
};

// Returns what is too much for a Service; empty if nothing is.
std::string Excess(const Need& need, const PlannerOptions& options) {
  if (need.frontends > options.frontends_max) return absl::StrCat(options.frontends_max, " frontends");
  if (need.rows <= RowsMax(options)) return "";
  return absl::StrCat(RowsMax(options), " rows of endpoints, EndpointSlices (", kRowsOfSlice,
                      " each), frontends and source ranges on all ports");
}

// Drops the slices with which the first port alone would go beyond the bound: it is always served. Its families share
// the rows, and one has what the other leaves. Its addresses leave at least half of them to the slices.
void BoundSlices(const model::Service& service, const model::ServicePort& first, const ServiceAddresses& addresses,
                 const NodeContext& node, const PlannerOptions& options, SlicesByFamily& slices, Warnings& warnings) {
  struct Part {
    model::IpFamily family;
    uint64_t pools;
    uint64_t rows;
  };
  std::vector<Part> parts;
  Need fixed;
  for (const model::IpFamily family : {model::IpFamily::kV4, model::IpFamily::kV6}) {
    if (!addresses.Of(family).served) continue;
    fixed.AddFrontends(first, addresses.Of(family));
    const uint64_t pools = PoolsOf(PoolChoice::Of(service, first, addresses.Of(family)));
    parts.push_back({family, pools, slices.Of(family).RowsOf(pools)});
  }
  const uint64_t all = RowsMax(options);
  const uint64_t rows_max = all - std::min(fixed.rows, all / 2);
  for (const Part& part : parts) {
    uint64_t others = 0;
    for (const Part& other : parts) {
      if (&other != &part) others += std::min(other.rows, rows_max / 2);
    }
    slices.Of(part.family).Bound(rows_max - others, part.pools, part.family, node, warnings);
  }
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
  const SlicesByFamily& slices;
  const CollectionContext collection;
  const MasqueradeChoice masquerade;
  const uint32_t endpoints_max;
  const bool serves_packets;
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
  plan.frontends = BuildFrontends(port, family, addresses, choice, context.masquerade, context.serves_packets);

  Candidates candidates = CollectEndpoints(port, family, context.slices.Of(family).slices(), context.collection);
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
  return RowsMax(options) / kRowsOfSlice + 1;  // one too many, of which the plan warns
}

model::ServicePlan PlanService(const model::Service& service, absl::Span<const model::EndpointSlice* const> slices,
                               const NodeContext& node, const PlannerOptions& options) {
  model::ServicePlan plan;
  plan.service = service.name;
  plan.creation_time_s = service.creation_time_s;
  plan.type = service.type;
  plan.headless = IsHeadless(service);
  Warnings warnings;
  if (const absl::string_view lacking = WhatIsLacking(service); !lacking.empty()) warnings.Add(std::string(lacking));
  if (!IsServed(service)) {
    plan.warnings = std::move(warnings).Take();
    return plan;
  }
  const ServiceAddresses addresses = ReadServiceAddresses(service, node, options, warnings);
  plan.cluster_ips = ServedClusterIps(service, addresses);
  const EndpointWeights weights(service, warnings);
  const std::vector<model::ServicePort> ports = ReadPorts(service, options.ports_max, warnings);
  const int32_t affinity_timeout_s = ReadAffinityTimeout(service, warnings);
  SlicesByFamily served_slices =
      Divide(ReadSlices(slices, warnings), slices.size() >= SlicesMax(options), options, warnings);
  WarnOfOtherFamily(addresses, served_slices, warnings);
  if (!ports.empty()) BoundSlices(service, ports[0], addresses, node, options, served_slices, warnings);
  const bool health_checked = service.type == model::ServiceType::kLoadBalancer &&
                              service.external_traffic_policy == model::TrafficPolicy::kLocal &&
                              service.health_check_node_port != 0;

  LocalReadyCount local_ready;
  const PortContext context = {.addresses = addresses,
                               .slices = served_slices,
                               .collection = {weights, node},
                               .masquerade = MasqueradeChoice::Of(service, options),
                               .endpoints_max = options.endpoints_max,
                               .serves_packets = options.serves_packets,
                               .warnings = warnings,
                               .local_ready = health_checked ? &local_ready : nullptr};
  Need need;
  plan.ports.reserve(2 * ports.size());
  for (const model::ServicePort& port : ports) {
    for (const model::IpFamily family : {model::IpFamily::kV4, model::IpFamily::kV6}) {
      if (!addresses.Of(family).served) continue;
      const PoolChoice choice = PoolChoice::Of(service, port, addresses.Of(family));
      Need with = need;
      with.AddFrontends(port, addresses.Of(family));
      with.rows += served_slices.Of(family).RowsOf(PoolsOf(choice));
      if (const std::string excess = Excess(with, options); !excess.empty() && !plan.ports.empty()) {
        warnings.Add(absl::StrCat("port ", port.port, "/", model::ProtocolName(port.protocol), ", ", NameOf(family),
                                  ": with it the Service has more than ", excess, ": not served"));
        continue;
      }
      need = with;
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
