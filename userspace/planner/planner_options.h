// SPDX-License-Identifier: Apache-2.0
// What a plan depends on besides the Service and its slices: the node, and limits.
#ifndef SHUNT_PLANNER_PLANNER_OPTIONS_H_
#define SHUNT_PLANNER_PLANNER_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "userspace/model/ip_address.h"

namespace shunt::planner {

// This node, as far as endpoint selection depends on it.
struct NodeContext {
  std::string node_name;  // compared with an endpoint's nodeName
  std::string zone;       // empty without one
  // The node's own primary addresses, one per family; source ranges let the node through if they contain one.
  std::vector<model::IpAddress> primary_addresses;
  // The addresses of the node's interfaces, sorted. A ClusterIP among them is left to the process that listens there.
  std::vector<model::IpAddress> local_addresses;

  // Returns whether both differ in nothing but their local addresses: then only Services with a ClusterIP among those
  // are planned differently.
  bool SelectsLike(const NodeContext& other) const {
    return node_name == other.node_name && zone == other.zone && primary_addresses == other.primary_addresses;
  }
  friend bool operator==(const NodeContext&, const NodeContext&) = default;
};

// Limits on what one Service may use, so that its author cannot starve the others, and a setting.
struct PlannerOptions {
  // Endpoints of one pool beyond this many are left out (kTooMany). If it is more than rows_max, it stands for rows_max
  // too, and one Service may hold up the others for longer.
  uint32_t endpoints_max = 50'000;
  // Ports beyond this many are not served.
  uint32_t ports_max = 512;
  // Load-balancer and external addresses of one family beyond this many are not served.
  uint32_t addresses_max = 256;
  // Source ranges of one family beyond this many admit no client.
  uint32_t source_ranges_max = 1024;
  // Frontends of all ports together. Ports that go beyond are not served, except for the first.
  uint32_t frontends_max = 4'096;
  // Endpoints, frontends and their source ranges of all ports and both families together. An endpoint counts in each of
  // its port's pools, and each EndpointSlice counts as four on each port, because it costs as much. A port that goes
  // beyond in one family is not served in that family, and later ones that fit are, except for the first: it is served
  // with as many slices as fit. Slices that do not fit there are served on no port: each family has half of the rows,
  // and what the other one leaves; slices with endpoints of this node are the first to be kept.
  //
  // It bounds how long one Service holds up the others, because the plan of one Service is made and applied in one step
  // of the loop. Another Service's change waits for that step, for the loop's rest of at most 20 ms and for a step of
  // about 10 ms, so a step of 65 ms keeps it within 100 ms. A row costs 0.5 to 0.8 microseconds, by the length of names
  // and the weights, and a step may plan two such Services, of which one gives a frontend to the other. A step takes up
  // to 40 ms in bench/tenants; the rest is for slower machines.
  uint32_t rows_max = 50'000;
  // How long a UDP flow keeps its backend without a datagram, in seconds; 0: without a limit. The default is that of
  // kube-proxy's conntrack for flows with answers.
  uint32_t udp_idle_s = 120;
  // Whether packets to a ClusterIP are masqueraded whatever their client, as kube-proxy does with --masquerade-all.
  bool masquerades_all = false;
  // Whether the packet path can tell clients of the cluster from others. If not, all are from outside, and nothing that
  // goes to a ClusterIP is masqueraded for coming from there.
  bool tells_inside = true;
  // Whether packets are translated, and not only sockets: then SCTP is served, which has no socket hook.
  bool serves_packets = false;
};

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_PLANNER_OPTIONS_H_
