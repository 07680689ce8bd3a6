// SPDX-License-Identifier: Apache-2.0
// Reads and validates the addresses on which a Service is dialled, once for all its ports.
#ifndef SHUNT_PLANNER_SERVICE_ADDRESSES_H_
#define SHUNT_PLANNER_SERVICE_ADDRESSES_H_

#include <vector>

#include "absl/container/inlined_vector.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/service.h"
#include "userspace/planner/planner_options.h"
#include "userspace/planner/warnings.h"

namespace shunt::planner {

// The addresses of one family. Each is listed once: as ClusterIP, else as load-balancer address, else as external
// address.
class FamilyAddresses {
 public:
  // True if the family has a ClusterIP. Otherwise it is not served at all, as with kube-proxy: it has no NodePort and
  // no other address.
  bool served = false;
  model::IpAddress cluster_ip;
  bool cluster_ip_is_local = false;                            // an interface of this node has it
  absl::InlinedVector<model::IpAddress, 1> load_balancer_ips;  // with ipMode VIP or without one
  absl::InlinedVector<model::IpAddress, 1> external_ips;
  // loadBalancerSourceRanges; empty if every client may dial the load-balancer addresses.
  std::vector<model::IpPrefix> source_ranges;
  bool node_in_source_ranges = false;
  bool admits_no_client = false;  // see model::Frontend

  bool Has(const model::IpAddress& address) const;
  // REQUIRES: !Has(address).
  void Remember(const model::IpAddress& address);

 private:
  absl::InlinedVector<model::IpAddress, 4> all_;  // sorted
};

struct ServiceAddresses {
  FamilyAddresses v4;
  FamilyAddresses v6;

  const FamilyAddresses& Of(model::IpFamily family) const { return family == model::IpFamily::kV4 ? v4 : v6; }
  FamilyAddresses& Of(model::IpFamily family) { return family == model::IpFamily::kV4 ? v4 : v6; }
};

// Leaves out, with a warning, text that is not an address and addresses of a class that ForbiddenClass() names. A
// ClusterIP that an interface of this node has stays, marked, with a warning. Source ranges that cannot be read never
// open a load balancer: if no range of a family remains and one could not be read, the family's load-balancer addresses
// are left out.
ServiceAddresses ReadServiceAddresses(const model::Service& service, const NodeContext& node,
                                      const PlannerOptions& options, Warnings& warnings);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_SERVICE_ADDRESSES_H_
