// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/frontends.h"

#include <utility>

namespace shunt::planner {

PoolChoice PoolChoice::Of(const model::Service& service, const model::ServicePort& port,
                          const FamilyAddresses& addresses) {
  const bool external_addresses =
      port.node_port != 0 || !addresses.load_balancer_ips.empty() || !addresses.external_ips.empty();
  const bool internal_local = service.internal_traffic_policy == model::TrafficPolicy::kLocal;
  // Without such an address no client can come from outside, and the policy has no effect.
  const bool external_local = external_addresses && service.external_traffic_policy == model::TrafficPolicy::kLocal;

  PoolChoice choice;
  choice.uses_cluster = !internal_local || external_addresses;
  choice.uses_local = internal_local || external_local;
  const uint32_t cluster = 0;
  const uint32_t local = choice.uses_cluster ? 1 : 0;
  choice.internal_traffic = internal_local ? local : cluster;
  choice.external_address_inside = cluster;
  choice.external_address_outside = external_local ? local : cluster;
  return choice;
}

MasqueradeChoice MasqueradeChoice::Of(const model::Service& service, const PlannerOptions& options) {
  MasqueradeChoice choice;
  choice.cluster_ip_inside = options.masquerades_all;
  choice.cluster_ip_outside = options.masquerades_all || options.tells_inside;
  choice.external_address = service.external_traffic_policy != model::TrafficPolicy::kLocal;
  return choice;
}

std::vector<model::Frontend> BuildFrontends(const model::ServicePort& port, model::IpFamily family,
                                            const FamilyAddresses& addresses, const PoolChoice& pools,
                                            const MasqueradeChoice& masquerade, bool serves_packets) {
  std::vector<model::Frontend> frontends;
  frontends.reserve(2 + addresses.load_balancer_ips.size() + addresses.external_ips.size());
  const auto add = [&](model::FrontendKind kind, const model::IpAddress& address, uint16_t number) -> model::Frontend& {
    const bool is_cluster_ip = kind == model::FrontendKind::kClusterIp;
    model::Frontend frontend;
    frontend.address = {address, number, port.protocol};
    frontend.kind = kind;
    if (port.protocol == model::Protocol::kSctp && !serves_packets) {
      frontend.verdict = model::FrontendVerdict::kNoSocketHook;
    } else if (is_cluster_ip && addresses.cluster_ip_is_local) {
      frontend.verdict = model::FrontendVerdict::kLocalAddress;
    }
    frontend.internal_pool = is_cluster_ip ? pools.internal_traffic : pools.external_address_inside;
    frontend.external_pool = is_cluster_ip ? pools.internal_traffic : pools.external_address_outside;
    frontend.masquerades_inside = is_cluster_ip ? masquerade.cluster_ip_inside : masquerade.external_address;
    frontend.masquerades_outside = is_cluster_ip ? masquerade.cluster_ip_outside : masquerade.external_address;
    return frontends.emplace_back(std::move(frontend));
  };

  add(model::FrontendKind::kClusterIp, addresses.cluster_ip, port.port);
  if (port.node_port != 0) {
    add(model::FrontendKind::kNodePort, model::IpAddress::Unspecified(family), port.node_port);
  }
  for (const model::IpAddress& address : addresses.load_balancer_ips) {
    model::Frontend& frontend = add(model::FrontendKind::kLoadBalancer, address, port.port);
    frontend.source_ranges = addresses.source_ranges;
    frontend.node_in_source_ranges = addresses.node_in_source_ranges;
    frontend.admits_no_client = addresses.admits_no_client;
  }
  for (const model::IpAddress& address : addresses.external_ips) {
    add(model::FrontendKind::kExternalIp, address, port.port);
  }
  return frontends;
}

}  // namespace shunt::planner
