// SPDX-License-Identifier: Apache-2.0
// Everything that one Service should have in the kernel, with the reason for everything that was left out. The planner
// writes it, the datapath applies it to the kernel, the admin API shows it. A plan is a value: it has no ids and no
// times, and equal inputs give equal plans.
#ifndef SHUNT_MODEL_SERVICE_PLAN_H_
#define SHUNT_MODEL_SERVICE_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "userspace/model/frontend_holder.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/names.h"
#include "userspace/model/service.h"
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
  kOtherZone,         // its topology hints name only other zones
  kOtherNode,         // its topology hints name only other nodes
  kWeightZero,        // drained by its weight
  kDuplicate,         // another slice has the same address and port, and takes precedence
  kNoPort,            // its slice has no port of this name and protocol
  kBadAddress,        // its address is missing, or is not an IP address of the slice's family
  kForbiddenAddress,  // unspecified, loopback, link-local or link-local multicast
  kTooMany,           // beyond the cap on endpoints of one pool
};
// "selected", "not_ready", ...
absl::string_view EndpointVerdictName(EndpointVerdict verdict);

// One endpoint as the planner judged it, for one family of one ServicePort.
struct PlannedEndpoint {
  SocketAddress backend;  // the address is unset if address_text is not one
  // These share their memory with the slice that they come from.
  SharedText address_text;
  SharedText pod_name;
  SharedText node_name;
  SharedText zone;
  SharedText slice_name;
  uint32_t weight = 1;
  bool ready = false;
  bool serving = false;
  bool terminating = false;
  // For the pool of each scope; unused if the PortPlan has no such pool.
  EndpointVerdict cluster_verdict = EndpointVerdict::kSelected;
  EndpointVerdict local_verdict = EndpointVerdict::kSelected;

  friend bool operator==(const PlannedEndpoint&, const PlannedEndpoint&) = default;
};

// A member of a pool. With weight 0 it keeps its flows but gets no new ones.
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
  kNoEndpoints,  // there is no endpoint on any node: refused
  kLocalMiss,    // under a Local policy, endpoints are only on other nodes: unreachable
};

// Which endpoints a pool draws from, and so which verdict decides whether an endpoint is in it.
enum class PoolScope : uint8_t { kCluster, kLocal };

// A complete set of weighted backends. `slots` is empty iff no member has a weight above 0; `empty` then says why.
// Otherwise slots.size() == members.size() and slots[i].member == i. Members are ordered by backend, so equal sets are
// equal values.
struct Pool {
  std::vector<PoolMember> members;
  std::vector<AliasSlot> slots;
  EmptyPool empty = EmptyPool::kNoEndpoints;
  PoolScope scope = PoolScope::kCluster;

  friend bool operator==(const Pool&, const Pool&) = default;
};

// Whether a frontend is served at all. A frontend that is not served still belongs to its Service: no other may take
// it.
enum class FrontendVerdict : uint8_t {
  kServed,        // unless another Service holds it
  kLocalAddress,  // a ClusterIP that an interface of this node has: the process that listens there answers
  kNoSocketHook,  // SCTP where packets are not translated: BPF sees no socket call of it
};
// "served", "local_address", "no_socket_hook".
absl::string_view FrontendVerdictName(FrontendVerdict verdict);

struct Frontend {
  FrontendAddress address;
  FrontendKind kind = FrontendKind::kClusterIp;
  FrontendVerdict verdict = FrontendVerdict::kServed;
  uint32_t internal_pool = 0;  // index into PortPlan::pools, for clients on this node
  uint32_t external_pool = 0;  // index into PortPlan::pools, for clients from outside
  // loadBalancerSourceRanges of this family, sorted, each once.
  std::vector<IpPrefix> source_ranges;
  bool node_in_source_ranges = false;
  bool admits_no_client = false;  // there are source ranges, and none of this family can be read
  // Whether packets of such a client may be given a source address of this node, as kube-proxy does it.
  bool masquerades_inside = false;   // of a client on this node, or in the cluster
  bool masquerades_outside = false;  // of a client from outside
  // The Service that holds this frontend, if it is another one: then the frontend is in conflict and is not programmed.
  // It is empty without a conflict. It follows when a third Service takes the frontend.
  FrontendHolder conflict_with;

  // Returns whether only clients within source_ranges may dial it.
  bool IsRestricted() const { return admits_no_client || !source_ranges.empty(); }
  bool InConflict() const { return !conflict_with.empty(); }
  // Returns whether the kernel should hold it.
  bool IsProgrammed() const { return verdict == FrontendVerdict::kServed && !InConflict(); }
  friend bool operator==(const Frontend&, const Frontend&) = default;
};

// One ServicePort in one family.
struct PortPlan {
  std::string name;  // of the ServicePort; may be empty
  Protocol protocol = Protocol::kTcp;
  uint16_t port = 0;
  IpFamily family = IpFamily::kV4;
  int32_t affinity_timeout_s = 0;  // 0: no session affinity
  uint32_t udp_idle_s = 0;         // how long a UDP flow keeps its backend without a datagram; 0: without a limit
  std::vector<Frontend> frontends;
  std::vector<Pool> pools;  // one or two: the cluster-wide set, then the Local set, each only if a frontend uses it
  std::vector<PlannedEndpoint> endpoints;  // all of them, chosen or not, ordered by backend then slice

  friend bool operator==(const PortPlan&, const PortPlan&) = default;
};

struct ServicePlan {
  ObjectName service;
  int64_t creation_time_s = 0;
  std::optional<ServiceType> type;  // unset if the Service is known from the kernel alone
  bool headless = false;
  // The ClusterIPs on which it is served, in its order; empty if the proxy must not serve it.
  absl::InlinedVector<IpAddress, 1> cluster_ips;
  std::vector<PortPlan> ports;          // empty: the Service has nothing in the kernel
  uint16_t health_check_node_port = 0;  // 0 without one
  // The ready local endpoints with a share, unique by address, for the health check; unset without one, and in a family
  // that the Service does not have.
  std::optional<uint32_t> local_ready_v4;
  std::optional<uint32_t> local_ready_v6;
  // What is wrong with the objects, for people: a sentence each.
  std::vector<std::string> warnings;

  std::optional<uint32_t> LocalReady(IpFamily family) const {
    return family == IpFamily::kV4 ? local_ready_v4 : local_ready_v6;
  }
  friend bool operator==(const ServicePlan&, const ServicePlan&) = default;
};

}  // namespace shunt::model

#endif  // SHUNT_MODEL_SERVICE_PLAN_H_
