// SPDX-License-Identifier: Apache-2.0
// From Kubernetes objects to what the kernel should hold: one Service, its slices and this node in, one
// ServicePlan out. Pure: no I/O, no clock, no state; the same inputs give the same plan on every node and
// after every restart. Thread-safe.
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
  std::string zone;       // empty: no zone
  // The node's own primary addresses, one a family: whether source ranges let the node itself through.
  std::vector<model::IpAddress> primary_addresses;

  friend bool operator==(const NodeContext&, const NodeContext&) = default;
};

// What one Service may cost, so that its author cannot starve the others.
struct PlannerOptions {
  // Endpoints of one pool beyond this many are left out (kTooMany).
  uint32_t endpoints_max = 100'000;
  // Ports beyond this many are not served.
  uint32_t ports_max = 512;
  // Load-balancer and external addresses of one family beyond this many are not served.
  uint32_t addresses_max = 256;
  // Source ranges of one family beyond this many let nobody in.
  uint32_t source_ranges_max = 1024;
  // Endpoints, frontends and their source ranges of all ports together. Ports that go beyond are not served, except
  // for the first.
  uint32_t rows_max = 200'000;
};

// Plans `service`. `slices` are those whose ServiceName() is the service's, in any order, of any address type.
// A Service that the proxy must not serve (headless, ExternalName, another proxy's by label) gives a plan
// without ports. Never fails: what is wrong with an object leaves that part out and adds a warning.
//
// PortPlans come in the order of the Service's ports, IPv4 before IPv6. No address stands in two frontends of a plan;
// claims of other Services are not looked at (frontend_claims.h). SCTP ports are planned like any other, so that the
// plan says where their traffic should go; there is no socket hook for them, and the datapath leaves them out.
model::ServicePlan PlanService(const model::Service& service, absl::Span<const model::EndpointSlice* const> slices,
                               const NodeContext& node, const PlannerOptions& options = {});

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_PLANNER_H_
