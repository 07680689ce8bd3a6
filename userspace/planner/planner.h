// SPDX-License-Identifier: Apache-2.0
// Plans what the kernel should hold: from one Service, its slices and this node to one ServicePlan. It is pure (no I/O,
// no clock, no state): the same inputs give the same plan, after every restart too. Thread-safe.
#ifndef SHUNT_PLANNER_PLANNER_H_
#define SHUNT_PLANNER_PLANNER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/service.h"
#include "userspace/model/service_plan.h"

namespace shunt::planner {

// This node, as far as endpoint selection depends on it.
struct NodeContext {
  std::string node_name;  // compared with an endpoint's nodeName
  std::string zone;       // empty without one
  // The node's own primary addresses, one per family; source ranges let the node through if they contain one.
  std::vector<model::IpAddress> primary_addresses;

  friend bool operator==(const NodeContext&, const NodeContext&) = default;
};

// Limits on what one Service may use, so that its author cannot starve the others.
struct PlannerOptions {
  // Endpoints of one pool beyond this many are left out (kTooMany).
  uint32_t endpoints_max = 100'000;
  // Ports beyond this many are not served.
  uint32_t ports_max = 512;
  // Load-balancer and external addresses of one family beyond this many are not served.
  uint32_t addresses_max = 256;
  // Source ranges of one family beyond this many admit no client.
  uint32_t source_ranges_max = 1024;
  // Endpoints, frontends and their source ranges of all ports together. Ports that go beyond are not served, except
  // for the first.
  uint32_t rows_max = 200'000;
};

// Returns the plan of `service`. `slices` are those whose ServiceName() is the service's, in any order, of any address
// type. A Service that the proxy must not serve (headless, ExternalName, or labelled for another proxy) gives a plan
// without ports. Never fails: it leaves out the part of an object that is wrong and adds a warning.
//
// PortPlans come in the order of the Service's ports, IPv4 before IPv6. A plan has an address in one frontend only;
// frontend_claims.h settles claims of other Services. SCTP ports are planned like any other, so that the plan says
// where their traffic should go; there is no socket hook for them, and the datapath leaves them out.
model::ServicePlan PlanService(const model::Service& service, absl::Span<const model::EndpointSlice* const> slices,
                               const NodeContext& node, const PlannerOptions& options = {});

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_PLANNER_H_
