// SPDX-License-Identifier: Apache-2.0
// Everything that one Service should have in the kernel, in the project's own words, with the reason for
// everything that was left out. The planner writes it, the datapath makes the kernel obey it, the admin
// API shows it. A plan is a value: no ids, no clock, equal inputs give equal plans.
#ifndef SHUNT_MODEL_SERVICE_PLAN_H_
#define SHUNT_MODEL_SERVICE_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "userspace/model/ip_address.h"
#include "userspace/model/names.h"
#include "userspace/model/shared_text.h"

namespace shunt::model {

// (address, port): a backend without its id.
struct SocketAddress {
  IpAddress address;
  uint16_t port = 0;  // host order

  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const SocketAddress& a) {
    return H::combine(std::move(h), a.address, a.port);
  }
};

enum class FrontendKind : uint8_t { kClusterIp = 1, kNodePort = 2, kLoadBalancer = 3, kExternalIp = 4 };
// "ClusterIP", "NodePort", "LoadBalancer", "ExternalIP".
absl::string_view FrontendKindName(FrontendKind kind);

// What a client dials. A NodePort's address is its family's unspecified address.
struct FrontendAddress {
  IpAddress address;
  uint16_t port = 0;  // host order
  Protocol protocol = Protocol::kTcp;

  std::string ToString() const;  // 10.96.0.10:53/UDP
  friend auto operator<=>(const FrontendAddress&, const FrontendAddress&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const FrontendAddress& a) {
    return H::combine(std::move(h), a.address, a.port, a.protocol);
  }
};

// Why an endpoint is not in a pool, or is in it without a share.
enum class EndpointVerdict : uint8_t {
  kSelected,
  kNotReady,          // not ready, and the fall-back to terminating endpoints does not take it
  kTerminating,       // serving and terminating, while ready endpoints exist
  kNotServing,        // terminating and no longer serving: never takes traffic
  kNotLocal,          // on another node under a Local policy
  kOtherZone,         // topology hints name other zones
  kOtherNode,         // topology hints name other nodes
  kWeightZero,        // drained by its weight
  kDuplicate,         // the same address and port stands in another slice, which won
  kNoPort,            // its slice has no port of this name and protocol
  kBadAddress,        // not an IP address of the slice's family, or none at all
  kForbiddenAddress,  // loopback, link-local, multicast, unspecified, reserved or v4-mapped
  kOwnFrontend,       // one of the service's own frontends: a loop
  kTooMany,           // beyond the cap on endpoints of one pool
};
// "selected", "not_ready", ...
absl::string_view EndpointVerdictName(EndpointVerdict verdict);

// One endpoint as the planner judged it, for one family of one ServicePort.
struct PlannedEndpoint {
  SocketAddress backend;  // unset address if the text was no address
  // Shared with the slice that they come from.
  SharedText address_text;
  SharedText pod_name;
  SharedText node_name;
  SharedText zone;
  SharedText slice_name;
  uint32_t weight = 1;
  bool ready = false;
  bool serving = false;
  bool terminating = false;
  // For the pool of each scope; of no consequence if the PortPlan has no such pool.
  EndpointVerdict cluster_verdict = EndpointVerdict::kSelected;
  EndpointVerdict local_verdict = EndpointVerdict::kSelected;

  friend bool operator==(const PlannedEndpoint&, const PlannedEndpoint&) = default;
};

// A member of a pool. Weight 0: keeps its flows, gets no new one.
struct PoolMember {
  SocketAddress backend;
  uint32_t weight = 1;

  friend bool operator==(const PoolMember&, const PoolMember&) = default;
};

// One entry of an alias table: member and alias are indices into Pool::members; see bpf/abi.h.
struct AliasSlot {
  uint32_t member = 0;
  uint32_t alias = 0;
  uint32_t threshold = 0;  // of 2^32

  friend bool operator==(const AliasSlot&, const AliasSlot&) = default;
};

// What a pool without any selectable member means to a client.
enum class EmptyPool : uint8_t {
  kNoEndpoints,  // none anywhere: refused
  kLocalMiss,    // some elsewhere, none on this node under a Local policy: unreachable
};

// Which verdict of an endpoint decides over its place in a pool.
enum class PoolScope : uint8_t { kCluster, kLocal };

// A complete set of weighted backends. `slots` is empty iff no member has weight above 0; `empty` then
// says why. Otherwise slots.size() == members.size() and slots[i].member == i. Members are ordered by
// backend, so equal sets are equal values.
struct Pool {
  std::vector<PoolMember> members;
  std::vector<AliasSlot> slots;
  EmptyPool empty = EmptyPool::kNoEndpoints;
  PoolScope scope = PoolScope::kCluster;

  friend bool operator==(const Pool&, const Pool&) = default;
};

struct Frontend {
  FrontendAddress address;
  FrontendKind kind = FrontendKind::kClusterIp;
  uint32_t internal_pool = 0;  // index into PortPlan::pools: for clients on this node
  uint32_t external_pool = 0;  // for clients from outside
  // loadBalancerSourceRanges of this family; empty: everybody.
  std::vector<IpPrefix> source_ranges;
  bool node_in_source_ranges = false;
  // The Service that holds this frontend, if it is not this one: the frontend is then in conflict and is
  // not programmed. Empty name: no conflict.
  ObjectName conflict_with;

  bool InConflict() const { return !conflict_with.name.empty(); }
  friend bool operator==(const Frontend&, const Frontend&) = default;
};

// One ServicePort in one family.
struct PortPlan {
  std::string name;  // of the ServicePort; may be empty
  Protocol protocol = Protocol::kTcp;
  uint16_t port = 0;
  IpFamily family = IpFamily::kV4;
  int32_t affinity_timeout_s = 0;  // 0: no session affinity
  std::vector<Frontend> frontends;
  std::vector<Pool> pools;  // one or two: the cluster-wide set, then the Local set, each only if a frontend uses it
  std::vector<PlannedEndpoint> endpoints;  // all of them, chosen or not, ordered by backend then slice

  friend bool operator==(const PortPlan&, const PortPlan&) = default;
};

struct ServicePlan {
  ObjectName service;
  int64_t creation_time_s = 0;
  std::vector<PortPlan> ports;  // empty: the Service has nothing in the kernel
  // healthCheckNodePort: 0 if none. The count is of ready local endpoints with a share, unique by address; of the
  // fuller family if there are two.
  uint16_t health_check_node_port = 0;
  uint32_t local_ready_endpoints = 0;
  // What was wrong with the objects, for people: one sentence each.
  std::vector<std::string> warnings;

  friend bool operator==(const ServicePlan&, const ServicePlan&) = default;
};

}  // namespace shunt::model

#endif  // SHUNT_MODEL_SERVICE_PLAN_H_
