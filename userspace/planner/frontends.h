// SPDX-License-Identifier: Apache-2.0
// What clients dial for one ServicePort in one family, and which set of endpoints answers them.
#ifndef SHUNT_PLANNER_FRONTENDS_H_
#define SHUNT_PLANNER_FRONTENDS_H_

#include <cstdint>
#include <vector>

#include "userspace/model/ip_address.h"
#include "userspace/model/service.h"
#include "userspace/model/service_plan.h"
#include "userspace/planner/service_addresses.h"

namespace shunt::planner {

// Which pools a ServicePort needs in a family, and their places in PortPlan::pools.
//
// A client on this node that dials a NodePort, a load balancer's or an external address is served by the
// cluster-wide set even under externalTrafficPolicy Local: it would reach that address from outside through
// any node, so the detour is spared (short-circuit). internalTrafficPolicy is about the ClusterIP alone.
struct PoolChoice {
  bool uses_cluster = false;
  bool uses_local = false;
  uint32_t internal_traffic = 0;          // ClusterIP, whoever dials it
  uint32_t external_address_inside = 0;   // NodePort, load balancer, external: dialled on this node
  uint32_t external_address_outside = 0;  // the same, dialled from elsewhere

  static PoolChoice Of(const model::Service& service, const model::ServicePort& port, const FamilyAddresses& addresses);
};

// Ordered as ClusterIP, NodePort, LoadBalancer, ExternalIP; addresses of a kind as in the object. Source ranges
// bind load-balancer addresses only, as with kube-proxy.
std::vector<model::Frontend> BuildFrontends(const model::ServicePort& port, model::IpFamily family,
                                            const FamilyAddresses& addresses, const PoolChoice& pools);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_FRONTENDS_H_
