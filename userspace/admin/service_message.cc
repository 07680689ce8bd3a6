// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "absl/strings/string_view.h"
#include "userspace/admin/to_message.h"
#include "userspace/admin/utf8.h"

namespace shunt::admin {
namespace {

// A pool with its shares, which are computed once for all endpoints.
struct WeighedPool {
  const model::Pool* pool;
  std::vector<double> shares;  // per member
};

v1::NotServed ToMessage(model::FrontendVerdict verdict) {
  switch (verdict) {
    case model::FrontendVerdict::kServed:
      return v1::NOT_SERVED_UNSPECIFIED;
    case model::FrontendVerdict::kLocalAddress:
      return v1::NOT_SERVED_LOCAL_ADDRESS;
    case model::FrontendVerdict::kNoSocketHook:
      return v1::NOT_SERVED_NO_SOCKET_HOOK;
  }
  return v1::NOT_SERVED_UNSPECIFIED;
}

v1::ServiceType ToMessage(model::ServiceType type) {
  switch (type) {
    case model::ServiceType::kClusterIp:
      return v1::SERVICE_TYPE_CLUSTER_IP;
    case model::ServiceType::kNodePort:
      return v1::SERVICE_TYPE_NODE_PORT;
    case model::ServiceType::kLoadBalancer:
      return v1::SERVICE_TYPE_LOAD_BALANCER;
    case model::ServiceType::kExternalName:
      return v1::SERVICE_TYPE_EXTERNAL_NAME;
  }
  return v1::SERVICE_TYPE_UNSPECIFIED;
}

v1::Frontend ToMessage(const model::Frontend& frontend, const std::vector<model::FrontendAddress>& restricted) {
  v1::Frontend message;
  message.set_kind(admin::ToMessage(frontend.kind));
  *message.mutable_address() = admin::ToMessage(frontend.address);
  message.set_protocol(admin::ToMessage(frontend.address.protocol));
  message.set_internal_pool(frontend.internal_pool);
  message.set_external_pool(frontend.external_pool);
  for (const model::IpPrefix& range : frontend.source_ranges) message.add_source_ranges(range.ToString());
  message.set_node_in_source_ranges(frontend.node_in_source_ranges);
  message.set_restricted(frontend.IsRestricted() ||
                         std::find(restricted.begin(), restricted.end(), frontend.address) != restricted.end());
  message.set_not_served(ToMessage(frontend.verdict));
  if (frontend.InConflict()) *message.mutable_conflict_with() = admin::ToMessage(frontend.conflict_with.Name());
  return message;
}

v1::Pool ToMessage(const WeighedPool& weighed, bool from_maps) {
  const model::Pool& pool = *weighed.pool;
  v1::Pool message;
  if (!from_maps) {
    message.set_scope(pool.scope == model::PoolScope::kLocal ? v1::POOL_SCOPE_LOCAL : v1::POOL_SCOPE_CLUSTER);
  }
  message.set_members(static_cast<uint32_t>(pool.members.size()));
  message.set_selected(static_cast<uint32_t>(
      std::count_if(weighed.shares.begin(), weighed.shares.end(), [](double share) { return share > 0; })));
  if (pool.slots.empty()) {
    message.set_empty(pool.empty == model::EmptyPool::kLocalMiss ? v1::EMPTY_POOL_LOCAL_MISS
                                                                 : v1::EMPTY_POOL_NO_ENDPOINTS);
  }
  return message;
}

// Returns null if `backend` is not a member. Members are ordered by backend.
const double* FindShare(const WeighedPool& weighed, const model::SocketAddress& backend) {
  const std::vector<model::PoolMember>& members = weighed.pool->members;
  const auto it = std::lower_bound(
      members.begin(), members.end(), backend,
      [](const model::PoolMember& member, const model::SocketAddress& wanted) { return member.backend < wanted; });
  if (it == members.end() || it->backend != backend) return nullptr;
  return &weighed.shares[static_cast<size_t>(it - members.begin())];
}

v1::PoolPlace PlaceIn(const WeighedPool& weighed, const model::PlannedEndpoint& endpoint, bool from_maps) {
  const double* share = FindShare(weighed, endpoint.backend);
  v1::PoolPlace place;
  if (from_maps) {
    if (share != nullptr) {
      place.set_verdict(*share > 0 ? v1::ENDPOINT_VERDICT_SELECTED : v1::ENDPOINT_VERDICT_NO_SHARE);
      place.set_share_percent(*share);
    }
    return place;
  }
  const model::EndpointVerdict verdict =
      weighed.pool->scope == model::PoolScope::kLocal ? endpoint.local_verdict : endpoint.cluster_verdict;
  place.set_verdict(admin::ToMessage(verdict));
  if (verdict == model::EndpointVerdict::kSelected && share != nullptr) place.set_share_percent(*share);
  return place;
}

v1::Endpoint ToMessage(const model::PlannedEndpoint& endpoint, bool from_maps) {
  v1::Endpoint message;
  if (endpoint.cluster_verdict != model::EndpointVerdict::kBadAddress) {
    *message.mutable_address() = admin::ToMessage(endpoint.backend);
  } else {
    message.mutable_address()->set_port(endpoint.backend.port);
  }
  if (from_maps) return message;
  message.set_address_text(ValidUtf8(endpoint.address_text));
  message.set_pod_name(ValidUtf8(endpoint.pod_name));
  message.set_node_name(ValidUtf8(endpoint.node_name));
  message.set_zone(ValidUtf8(endpoint.zone));
  message.set_slice_name(ValidUtf8(endpoint.slice_name));
  message.set_weight(endpoint.weight);
  message.set_ready(endpoint.ready);
  message.set_serving(endpoint.serving);
  message.set_terminating(endpoint.terminating);
  return message;
}

void AddEndpoints(const model::PortPlan& plan, const std::vector<WeighedPool>& pools, bool from_maps,
                  EndpointDetail detail, v1::ServicePort& message) {
  uint32_t selected = 0;
  for (const model::PlannedEndpoint& endpoint : plan.endpoints) {
    std::vector<v1::PoolPlace> places;
    bool has_share = false;
    for (const WeighedPool& pool : pools) {
      places.push_back(PlaceIn(pool, endpoint, from_maps));
      has_share |= places.back().share_percent() > 0;
    }
    if (has_share) ++selected;
    if (detail == EndpointDetail::kCountsOnly) continue;
    v1::Endpoint& added = *message.add_endpoints();
    added = ToMessage(endpoint, from_maps);
    for (v1::PoolPlace& place : places) *added.add_places() = std::move(place);
  }
  message.set_endpoint_count(static_cast<uint32_t>(plan.endpoints.size()));
  message.set_selected_endpoint_count(selected);
}

v1::ServicePort ToMessage(const model::PortPlan& plan, const report::ServiceStatus& status, EndpointDetail detail) {
  const bool from_maps = status.from_maps;
  v1::ServicePort message;
  message.set_name(ValidUtf8(plan.name));
  message.set_protocol(admin::ToMessage(plan.protocol));
  message.set_port(plan.port);
  message.set_family(admin::ToMessage(plan.family));
  message.set_affinity_timeout_s(static_cast<uint32_t>(std::max(plan.affinity_timeout_s, 0)));
  for (const model::Frontend& frontend : plan.frontends) {
    *message.add_frontends() = ToMessage(frontend, status.restricted_frontends);
  }
  std::vector<WeighedPool> pools;
  pools.reserve(plan.pools.size());
  for (const model::Pool& pool : plan.pools) pools.push_back({&pool, SharesPercent(pool)});
  for (const WeighedPool& pool : pools) *message.add_pools() = ToMessage(pool, from_maps);
  AddEndpoints(plan, pools, from_maps, detail, message);
  message.set_serving_state(admin::ToMessage(report::ServingStateOf(plan, status.applied.ok())));
  return message;
}

}  // namespace

v1::FrontendKind ToMessage(model::FrontendKind kind) {
  switch (kind) {
    case model::FrontendKind::kClusterIp:
      return v1::FRONTEND_KIND_CLUSTER_IP;
    case model::FrontendKind::kNodePort:
      return v1::FRONTEND_KIND_NODE_PORT;
    case model::FrontendKind::kLoadBalancer:
      return v1::FRONTEND_KIND_LOAD_BALANCER;
    case model::FrontendKind::kExternalIp:
      return v1::FRONTEND_KIND_EXTERNAL_IP;
  }
  return v1::FRONTEND_KIND_UNSPECIFIED;
}

v1::EndpointVerdict ToMessage(model::EndpointVerdict verdict) {
  using Verdict = model::EndpointVerdict;
  switch (verdict) {
    case Verdict::kSelected:
      return v1::ENDPOINT_VERDICT_SELECTED;
    case Verdict::kNotReady:
      return v1::ENDPOINT_VERDICT_NOT_READY;
    case Verdict::kTerminating:
      return v1::ENDPOINT_VERDICT_TERMINATING;
    case Verdict::kNotServing:
      return v1::ENDPOINT_VERDICT_NOT_SERVING;
    case Verdict::kNotLocal:
      return v1::ENDPOINT_VERDICT_NOT_LOCAL;
    case Verdict::kOtherZone:
      return v1::ENDPOINT_VERDICT_OTHER_ZONE;
    case Verdict::kOtherNode:
      return v1::ENDPOINT_VERDICT_OTHER_NODE;
    case Verdict::kWeightZero:
      return v1::ENDPOINT_VERDICT_WEIGHT_ZERO;
    case Verdict::kDuplicate:
      return v1::ENDPOINT_VERDICT_DUPLICATE;
    case Verdict::kNoPort:
      return v1::ENDPOINT_VERDICT_NO_PORT;
    case Verdict::kBadAddress:
      return v1::ENDPOINT_VERDICT_BAD_ADDRESS;
    case Verdict::kForbiddenAddress:
      return v1::ENDPOINT_VERDICT_FORBIDDEN_ADDRESS;
    case Verdict::kTooMany:
      return v1::ENDPOINT_VERDICT_TOO_MANY;
  }
  return v1::ENDPOINT_VERDICT_UNSPECIFIED;
}

v1::ServingState ToMessage(report::ServingState state) {
  switch (state) {
    case report::ServingState::kReady:
      return v1::SERVING_STATE_READY;
    case report::ServingState::kNothingToServe:
      return v1::SERVING_STATE_NOTHING_TO_SERVE;
    case report::ServingState::kNotServed:
      return v1::SERVING_STATE_NOT_SERVED;
    case report::ServingState::kNoLocalEndpoints:
      return v1::SERVING_STATE_NO_LOCAL_ENDPOINTS;
    case report::ServingState::kNoEndpoints:
      return v1::SERVING_STATE_NO_ENDPOINTS;
    case report::ServingState::kConflict:
      return v1::SERVING_STATE_CONFLICT;
    case report::ServingState::kFailed:
      return v1::SERVING_STATE_FAILED;
  }
  return v1::SERVING_STATE_UNSPECIFIED;
}

std::vector<double> SharesPercent(const model::Pool& pool) {
  constexpr uint64_t kWhole = uint64_t{1} << 32;
  std::vector<uint64_t> parts(pool.members.size());  // in 2^-32 of a slot
  for (const model::AliasSlot& slot : pool.slots) {
    // Plans that were read back from damaged maps may have such slots.
    if (slot.member >= parts.size() || slot.alias >= parts.size()) continue;
    const uint64_t own = slot.alias == slot.member ? kWhole : slot.threshold;
    parts[slot.member] += own;
    parts[slot.alias] += kWhole - own;
  }
  std::vector<double> shares;
  shares.reserve(parts.size());
  for (const uint64_t part : parts) {
    shares.push_back(pool.slots.empty() ? 0
                                        : 100.0 * static_cast<double>(part) /
                                              (static_cast<double>(kWhole) * static_cast<double>(pool.slots.size())));
  }
  return shares;
}

v1::Service ToMessage(const report::ServiceStatus& status, EndpointDetail detail) {
  const model::ServicePlan& plan = status.plan;
  v1::Service message;
  *message.mutable_name() = ToMessage(plan.service);
  if (!status.from_maps) {
    message.set_state(status.applied.ok() ? v1::SERVICE_STATE_APPLIED : v1::SERVICE_STATE_FAILED);
  }
  const absl::string_view error = status.applied.message();
  message.set_apply_error(ValidUtf8(error));
  if (plan.creation_time_s != 0) message.mutable_creation_time()->set_seconds(plan.creation_time_s);
  for (size_t i = 0; i < plan.ports.size(); ++i) {
    v1::ServicePort& port = *message.add_ports();
    port = ToMessage(plan.ports[i], status, detail);
    if (i >= status.port_counters.size()) continue;
    port.mutable_counters()->set_translated(status.port_counters[i].translated);
    port.mutable_counters()->set_no_endpoints(status.port_counters[i].no_endpoints);
    port.mutable_counters()->set_local_misses(status.port_counters[i].local_misses);
  }
  message.set_health_check_node_port(plan.health_check_node_port);
  if (plan.local_ready_v4.has_value()) message.set_local_ready_endpoints(*plan.local_ready_v4);
  if (plan.local_ready_v6.has_value()) message.set_local_ready_endpoints_v6(*plan.local_ready_v6);
  for (const std::string& warning : plan.warnings) message.add_warnings(ValidUtf8(warning));
  message.set_serving_state(ToMessage(report::ServingStateOf(status)));
  if (plan.type.has_value()) message.set_type(ToMessage(*plan.type));
  if (plan.headless) message.add_cluster_ips("None");
  for (const model::IpAddress& address : plan.cluster_ips) message.add_cluster_ips(address.ToString());
  for (const std::string& refusal : status.refusals) message.add_refusals(ValidUtf8(refusal));
  return message;
}

v1::Backend ToMessage(const report::BackendStatus& backend) {
  v1::Backend message;
  message.set_id(backend.id);
  *message.mutable_address() = ToMessage(backend.address);
  message.set_chosen(backend.chosen);
  for (const model::ObjectName& service : backend.services) *message.add_services() = ToMessage(service);
  return message;
}

}  // namespace shunt::admin
