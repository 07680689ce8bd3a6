// SPDX-License-Identifier: Apache-2.0
// Two nodes, their pods and a client outside, in namespaces that end with this object or with the process, by a crash
// too. No device of it is in the machine's own namespace, so nothing in it has a route to the machine or beyond.
//
//     client 198.51.100.7 ── router ── bridge ─┬─ node A 192.0.2.10 ─┬─ pods 10.244.1.x
//            (and .200)      198.51.100.1      │      flannel.1      └─ cni0 ─ pods 10.244.1.64/26
//                            192.0.2.1         └─ node B 192.0.2.11 ── ...
//
// The same in IPv6: client 2001:db8:1::7, nodes 2001:db8::10 and ::11, pods fd00:244:1::x.
#ifndef SHUNT_SANDBOX_CLUSTER_NETWORK_H_
#define SHUNT_SANDBOX_CLUSTER_NETWORK_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tests/sandbox/devices.h"
#include "tests/sandbox/network_namespace.h"

namespace shunt::sandbox {

enum class SecondUplink {
  kNone,
  kPresent,       // node A's eth1, 198.18.0.10 and 2001:db8:3::10, to the same router
  kDefaultRoute,  // the same, and what node A sends to the client leaves by it
};

struct ClusterOptions {
  // Nodes reach each other's pods by flannel.1, a VXLAN device with addresses of its own; else by plain routes.
  bool overlay = true;
  uint32_t client_mtu = 1500;   // between the client and the router
  uint32_t segment_mtu = 1500;  // between the router and the nodes
  bool strict_rp_filter = true;
  SecondUplink second_uplink = SecondUplink::kNone;
};

enum class PodLink {
  kRouted,   // a veth pair, and a route of the node to the pod alone
  kBridged,  // behind cni0
};

struct Pod {
  NetworkNamespace where;  // its device is eth0
  std::string v4;
  std::string v6;
  std::string device;  // the node's end
};

class ClusterNetwork {
 public:
  static constexpr int kNodes = 2;

  // Returns kPermissionDenied without root, else the kernel's errno with what it refused.
  static absl::StatusOr<std::unique_ptr<ClusterNetwork>> Create(ClusterOptions options = {});
  ClusterNetwork(const ClusterNetwork&) = delete;
  ClusterNetwork& operator=(const ClusterNetwork&) = delete;

  // What is sent to 203.0.113.0/24 and 2001:db8:2::/64, the load balancers' addresses, the router sends to node A.
  const NetworkNamespace& client() const { return parts_[kClient].where; }
  const NetworkNamespace& router() const { return parts_[kRouter].where; }
  // `node`: 0 is node A, 1 is node B. Its uplink is eth0.
  const NetworkNamespace& node(int node) const { return parts_[kFirstNode + node].where; }

  // Pods have the MTU of the nodes' network, or of the overlay if there is one.
  absl::StatusOr<Pod> AddPod(int node, PodLink link);

  // Loads a ruleset into a node (or another namespace of this network) by the program nft. Returns kFailedPrecondition
  // if this machine has none, as the guests have not; kInvalidArgument with what nft says if it refuses the rules.
  static absl::Status LoadNft(const NetworkNamespace& where, absl::string_view rules);
  // Both nodes drop what conntrack calls invalid, and count it.
  absl::Status DropInvalid() const;

  // Every device's offloads, pods' included.
  absl::Status SetOffloads(bool on) const;

 private:
  enum { kRouter, kClient, kFirstNode };

  struct Part {
    NetworkNamespace where;
    std::vector<std::string> devices;
    int pods = 0;
    bool has_bridge = false;
  };

  explicit ClusterNetwork(ClusterOptions options) : options_(options) {}
  absl::Status SetUp();
  absl::Status AddNamespace();
  absl::Status AddRouter();
  absl::Status AddNode(int node);
  absl::Status AddSecondUplink();
  absl::Status AddOverlay();
  absl::Status AddPlainRoutes();
  absl::Status AddPodBridge(int node);
  absl::Status Configure(int part) const;
  absl::Status Join(int part, absl::string_view device, int other, absl::string_view other_device, uint32_t mtu);
  absl::Status Up(int part, absl::string_view device);
  absl::Status WaitForDevices() const;
  absl::Status Link(const Pod& pod, int node, PodLink link) const;
  uint32_t pod_mtu() const { return options_.overlay ? options_.segment_mtu - 50 : options_.segment_mtu; }

  const ClusterOptions options_;
  std::deque<Part> parts_;  // what node() returns stays where it is when a pod is added
};

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_CLUSTER_NETWORK_H_
