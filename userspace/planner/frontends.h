// SPDX-License-Identifier: Apache-2.0
// Builds what clients dial for one ServicePort in one family, and decides which set of endpoints answers them.
#ifndef SHUNT_PLANNER_FRONTENDS_H_
#define SHUNT_PLANNER_FRONTENDS_H_

#include <cstdint>
#include <vector>

#include "userspace/model/ip_address.h"
#include "userspace/model/service.h"
#include "userspace/model/service_plan.h"
#include "userspace/planner/planner_options.h"
#include "userspace/planner/service_addresses.h"

namespace shunt::planner {

// Which pools a ServicePort needs in a family, and their indices in PortPlan::pools.
//
// A client on this node that dials a NodePort, a load-balancer address or an external address gets the cluster-wide set
// even under externalTrafficPolicy Local: from outside it would reach that address through any node, so it skips the
// detour (short-circuit). internalTrafficPolicy applies only to the ClusterIP.
struct PoolChoice {
  bool uses_cluster = false;
  bool uses_local = false;
  uint32_t internal_traffic = 0;          // ClusterIP, dialled from anywhere
  uint32_t external_address_inside = 0;   // NodePort, load-balancer or external address, dialled on this node
  uint32_t external_address_outside = 0;  // the same, dialled from outside

  static PoolChoice Of(const model::Service& service, const model::ServicePort& port, const FamilyAddresses& addresses);
};

// Which packets to the two kinds of addresses are masqueraded. Replies of a backend on another node would not come back
// through this one otherwise; under externalTrafficPolicy Local the backend is on this node, and sees its client.
struct MasqueradeChoice {
  bool cluster_ip_inside = false;
  bool cluster_ip_outside = false;
  bool external_address = false;  // NodePort, load-balancer or external address, from anywhere

  static MasqueradeChoice Of(const model::Service& service, const PlannerOptions& options);
};

// Returns the frontends in the order ClusterIP, NodePort, LoadBalancer, ExternalIP, and in the object's order within a
// kind. Source ranges restrict load-balancer addresses only, as with kube-proxy. `serves_packets` as in PlannerOptions.
std::vector<model::Frontend> BuildFrontends(const model::ServicePort& port, model::IpFamily family,
                                            const FamilyAddresses& addresses, const PoolChoice& pools,
                                            const MasqueradeChoice& masquerade, bool serves_packets);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_FRONTENDS_H_
