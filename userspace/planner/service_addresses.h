// SPDX-License-Identifier: Apache-2.0
// The addresses on which a Service is to be dialled, read from its texts and judged once for all its ports.
#ifndef SHUNT_PLANNER_SERVICE_ADDRESSES_H_
#define SHUNT_PLANNER_SERVICE_ADDRESSES_H_

#include <vector>

#include "absl/container/inlined_vector.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/service.h"
#include "userspace/planner/planner.h"
#include "userspace/planner/warnings.h"

namespace shunt::planner {

// Of one family. An address stands in one place only: as ClusterIP, else as load-balancer address, else as
// external address.
class FamilyAddresses {
 public:
  // A family without a ClusterIP is not served at all, as with kube-proxy: no NodePort, no other address.
  bool served = false;
  model::IpAddress cluster_ip;
  absl::InlinedVector<model::IpAddress, 1> load_balancer_ips;  // ipMode VIP or none
  absl::InlinedVector<model::IpAddress, 1> external_ips;
  // loadBalancerSourceRanges; empty: everybody may dial the load-balancer addresses.
  std::vector<model::IpPrefix> source_ranges;
  bool node_in_source_ranges = false;

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

// A text that is no address, or one of a class that ForbiddenClass() names, is left out with a warning. Source
// ranges that cannot be read never open a load balancer: if no range of a family remains and one could not be
// read, the family's load-balancer addresses are left out.
ServiceAddresses ReadServiceAddresses(const model::Service& service, const NodeContext& node,
                                      const PlannerOptions& options, Warnings& warnings);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_SERVICE_ADDRESSES_H_
