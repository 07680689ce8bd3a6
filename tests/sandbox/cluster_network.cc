// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/cluster_network.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>

#include "absl/strings/str_cat.h"
#include "tests/sandbox/netlink.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::sandbox {
namespace {

constexpr char kOverlayDevice[] = "flannel.1";
constexpr char kPodBridge[] = "cni0";
// The gateway of routed pods, which no device has; link-local, as Calico's.
constexpr char kPodGateway[] = "169.254.1.1";
constexpr char kPodGateway6[] = "fe80::1";

// Evaluates in order and returns the first error.
#define SHUNT_TRY(expression)                                         \
  do {                                                                \
    if (absl::Status tried = (expression); !tried.ok()) return tried; \
  } while (false)

std::string NodeAddress(int node) {
  return absl::StrCat("192.0.2.", 10 + node);
}

std::string NodeAddress6(int node) {
  return absl::StrCat("2001:db8::", 10 + node);
}

// "10.244.1.7" and "fd00:244:1::7".
std::string PodAddress(int node, int host) {
  return absl::StrCat("10.244.", node + 1, ".", host);
}

std::string PodAddress6(int node, absl::string_view host) {
  return absl::StrCat("fd00:244:", node + 1, "::", host);
}

std::string PodPrefix(int node) {
  return PodAddress(node, 0) + "/24";
}

std::string PodPrefix6(int node) {
  return PodAddress6(node, "") + "/64";
}

absl::Status AddRoutes(absl::string_view device,
                       std::initializer_list<std::pair<absl::string_view, absl::string_view>> to_via) {
  for (const auto& [to, via] : to_via) {
    SHUNT_TRY(AddRoute({.to = std::string(to), .via = std::string(via), .device = std::string(device)}));
  }
  return absl::OkStatus();
}

// A file in memory that holds `text` and is read from its beginning.
posix::FileDescriptor InMemory(absl::string_view text) {
  posix::FileDescriptor fd(memfd_create("nft", 0));
  if (fd.ok() && write(fd.get(), text.data(), text.size()) >= 0) lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ClusterNetwork>> ClusterNetwork::Create(ClusterOptions options) {
  if (geteuid() != 0) return absl::PermissionDeniedError("a cluster's network needs root: namespaces and devices");
  std::unique_ptr<ClusterNetwork> network(new ClusterNetwork(options));
  if (absl::Status ready = network->SetUp(); !ready.ok()) return ready;
  return network;
}

absl::Status ClusterNetwork::SetUp() {
  for (int part = 0; part < kFirstNode + kNodes; ++part) {
    SHUNT_TRY(AddNamespace());
    SHUNT_TRY(Configure(part));
  }
  SHUNT_TRY(AddRouter());
  for (int node = 0; node < kNodes; ++node) SHUNT_TRY(AddNode(node));
  if (options_.second_uplink != SecondUplink::kNone) SHUNT_TRY(AddSecondUplink());
  SHUNT_TRY(options_.overlay ? AddOverlay() : AddPlainRoutes());
  return WaitForDevices();
}

absl::Status ClusterNetwork::WaitForDevices() const {
  for (const Part& part : parts_) {
    InNamespace inside(part.where);
    for (const std::string& device : part.devices) {
      if (device != kOverlayDevice) SHUNT_TRY(WaitUntilRunning(device));
    }
  }
  return absl::OkStatus();
}

absl::Status ClusterNetwork::AddNamespace() {
  absl::StatusOr<NetworkNamespace> made = NetworkNamespace::Create();
  if (!made.ok()) return made.status();
  parts_.push_back({.where = *std::move(made), .devices = {}});
  return absl::OkStatus();
}

// Before there is a device, because devices take "default" when they are made.
absl::Status ClusterNetwork::Configure(int part) const {
  InNamespace inside(parts_[part].where);
  if (part != kClient) {
    SHUNT_TRY(SetSysctl("ipv4/ip_forward", "1"));
    SHUNT_TRY(SetSysctl("ipv6/conf/all/forwarding", "1"));
  }
  const char* const filter = options_.strict_rp_filter ? "1" : "0";
  SHUNT_TRY(SetSysctl("ipv4/conf/all/rp_filter", filter));
  SHUNT_TRY(SetSysctl("ipv4/conf/default/rp_filter", filter));
  // Addresses are usable at once, and every error is sent.
  SHUNT_TRY(SetSysctl("ipv6/conf/default/accept_dad", "0"));
  SHUNT_TRY(SetSysctl("ipv6/conf/default/dad_transmits", "0"));
  SHUNT_TRY(SetSysctl("ipv6/conf/default/accept_ra", "0"));
  SHUNT_TRY(SetSysctl("ipv4/icmp_ratelimit", "0"));
  return SetSysctl("ipv6/icmp/ratelimit", "0");
}

absl::Status ClusterNetwork::Up(int part, absl::string_view device) {
  parts_[part].devices.emplace_back(device);
  InNamespace inside(parts_[part].where);
  return SetDeviceUp(device);
}

absl::Status ClusterNetwork::Join(int part, absl::string_view device, int other, absl::string_view other_device,
                                  uint32_t mtu) {
  {
    InNamespace inside(parts_[part].where);
    SHUNT_TRY(AddVethPair(device, other_device, parts_[other].where.fd()));
    SHUNT_TRY(SetMtu(device, mtu));
  }
  {
    InNamespace inside(parts_[other].where);
    SHUNT_TRY(SetMtu(other_device, mtu));
  }
  SHUNT_TRY(Up(part, device));
  return Up(other, other_device);
}

absl::Status ClusterNetwork::AddRouter() {
  SHUNT_TRY(Join(kClient, "eth0", kRouter, "client", options_.client_mtu));
  {
    InNamespace inside(client());
    // A socket without an address of its own takes the first of IPv4 and the last of IPv6.
    for (const char* address : {"198.51.100.7/24", "198.51.100.200/24", "2001:db8:1::200/64", "2001:db8:1::7/64"}) {
      SHUNT_TRY(AddDeviceAddress("eth0", address));
    }
    SHUNT_TRY(AddRoutes("eth0", {{"0.0.0.0/0", "198.51.100.1"}, {"::/0", "2001:db8:1::1"}}));
  }
  {
    InNamespace inside(router());
    SHUNT_TRY(AddDeviceAddress("client", "198.51.100.1/24"));
    SHUNT_TRY(AddDeviceAddress("client", "2001:db8:1::1/64"));
    SHUNT_TRY(AddBridge("nodes"));
    SHUNT_TRY(SetMtu("nodes", options_.segment_mtu));
    SHUNT_TRY(AddDeviceAddress("nodes", "192.0.2.1/24"));
    SHUNT_TRY(AddDeviceAddress("nodes", "2001:db8::1/64"));
  }
  SHUNT_TRY(Up(kRouter, "nodes"));
  InNamespace inside(router());
  return AddRoutes("nodes", {{"203.0.113.0/24", NodeAddress(0)}, {"2001:db8:2::/64", NodeAddress6(0)}});
}

absl::Status ClusterNetwork::AddNode(int node) {
  const std::string port = absl::StrCat("node", node);
  SHUNT_TRY(Join(kFirstNode + node, "eth0", kRouter, port, options_.segment_mtu));
  {
    InNamespace inside(this->node(node));
    SHUNT_TRY(AddDeviceAddress("eth0", NodeAddress(node) + "/24"));
    SHUNT_TRY(AddDeviceAddress("eth0", NodeAddress6(node) + "/64"));
    SHUNT_TRY(AddRoutes("eth0", {{"0.0.0.0/0", "192.0.2.1"}, {"::/0", "2001:db8::1"}}));
  }
  InNamespace inside(router());
  SHUNT_TRY(SetMaster(port, "nodes"));
  return AddRoutes("nodes", {{PodPrefix(node), NodeAddress(node)}, {PodPrefix6(node), NodeAddress6(node)}});
}

absl::Status ClusterNetwork::AddSecondUplink() {
  SHUNT_TRY(Join(kFirstNode, "eth1", kRouter, "second", options_.segment_mtu));
  {
    InNamespace inside(router());
    SHUNT_TRY(AddDeviceAddress("second", "198.18.0.1/24"));
    SHUNT_TRY(AddDeviceAddress("second", "2001:db8:3::1/64"));
  }
  InNamespace inside(node(0));
  SHUNT_TRY(AddDeviceAddress("eth1", "198.18.0.10/24"));
  SHUNT_TRY(AddDeviceAddress("eth1", "2001:db8:3::10/64"));
  if (options_.second_uplink == SecondUplink::kPresent) return absl::OkStatus();
  return AddRoutes("eth1", {{"198.51.100.0/24", "198.18.0.1"}, {"2001:db8:1::/64", "2001:db8:3::1"}});
}

// As flannel lays it out: the device of each node has the first address of the node's prefix, and a route, a neighbour
// and a forwarding entry for every other node.
absl::Status ClusterNetwork::AddOverlay() {
  Mac macs[kNodes];
  for (int node = 0; node < kNodes; ++node) {
    {
      InNamespace inside(this->node(node));
      SHUNT_TRY(AddVxlan(kOverlayDevice, 1, Prefix::Parse(NodeAddress(node) + "/32")->address, 8472));
      SHUNT_TRY(SetMtu(kOverlayDevice, pod_mtu()));
      SHUNT_TRY(AddDeviceAddress(kOverlayDevice, PodAddress(node, 0) + "/32"));
      SHUNT_TRY(AddDeviceAddress(kOverlayDevice, PodAddress6(node, "") + "/128"));
    }
    SHUNT_TRY(Up(kFirstNode + node, kOverlayDevice));
    InNamespace inside(this->node(node));
    const absl::StatusOr<Mac> mac = MacOf(kOverlayDevice);
    if (!mac.ok()) return mac.status();
    macs[node] = *mac;
  }
  for (int node = 0; node < kNodes; ++node) {
    const int other = 1 - node;
    InNamespace inside(this->node(node));
    SHUNT_TRY(AddForwardingEntry(kOverlayDevice, macs[other], Prefix::Parse(NodeAddress(other) + "/32")->address));
    SHUNT_TRY(AddNeighbour(kOverlayDevice, PodAddress(other, 0), macs[other]));
    SHUNT_TRY(AddNeighbour(kOverlayDevice, PodAddress6(other, ""), macs[other]));
    SHUNT_TRY(AddRoute({PodPrefix(other), PodAddress(other, 0), kOverlayDevice, /*onlink=*/true}));
    SHUNT_TRY(AddRoute({PodPrefix6(other), PodAddress6(other, ""), kOverlayDevice, /*onlink=*/true}));
  }
  return absl::OkStatus();
}

absl::Status ClusterNetwork::AddPlainRoutes() {
  for (int node = 0; node < kNodes; ++node) {
    const int other = 1 - node;
    InNamespace inside(this->node(node));
    SHUNT_TRY(AddRoutes("eth0", {{PodPrefix(other), NodeAddress(other)}, {PodPrefix6(other), NodeAddress6(other)}}));
  }
  return absl::OkStatus();
}

absl::Status ClusterNetwork::AddPodBridge(int node) {
  {
    InNamespace inside(this->node(node));
    SHUNT_TRY(AddBridge(kPodBridge));
    SHUNT_TRY(SetMtu(kPodBridge, pod_mtu()));
    SHUNT_TRY(AddDeviceAddress(kPodBridge, PodAddress(node, 65) + "/26"));
    SHUNT_TRY(AddDeviceAddress(kPodBridge, PodAddress6(node, "b:0:0:1") + "/80"));
  }
  parts_[kFirstNode + node].has_bridge = true;
  return Up(kFirstNode + node, kPodBridge);
}

absl::StatusOr<Pod> ClusterNetwork::AddPod(int node, PodLink link) {
  const bool bridged = link == PodLink::kBridged;
  Part& part = parts_[kFirstNode + node];
  if (bridged && !part.has_bridge) SHUNT_TRY(AddPodBridge(node));
  const int number = ++part.pods;
  const std::string device = absl::StrCat("pod", number);
  SHUNT_TRY(AddNamespace());
  const int added = static_cast<int>(parts_.size()) - 1;
  SHUNT_TRY(Configure(added));
  SHUNT_TRY(Join(added, "eth0", kFirstNode + node, device, pod_mtu()));
  absl::StatusOr<NetworkNamespace> where = [&] {
    InNamespace inside(parts_[added].where);
    return NetworkNamespace::Current();
  }();
  if (!where.ok()) return where.status();
  Pod pod = {.where = *std::move(where),
             .v4 = PodAddress(node, (bridged ? 65 : 1) + number),
             .v6 = PodAddress6(node, absl::StrCat(bridged ? "b:0:0:" : "", 1 + number)),
             .device = device};
  SHUNT_TRY(Link(pod, node, link));
  SHUNT_TRY(WaitForDevices());
  return pod;
}

absl::Status ClusterNetwork::Link(const Pod& pod, int node, PodLink link) const {
  if (link == PodLink::kBridged) {
    InNamespace inside_pod(pod.where);
    SHUNT_TRY(AddDeviceAddress("eth0", pod.v4 + "/26"));
    SHUNT_TRY(AddDeviceAddress("eth0", pod.v6 + "/80"));
    SHUNT_TRY(AddRoutes("eth0", {{"0.0.0.0/0", PodAddress(node, 65)}, {"::/0", PodAddress6(node, "b:0:0:1")}}));
    InNamespace inside_node(this->node(node));
    return SetMaster(pod.device, kPodBridge);
  }
  InNamespace inside_node(this->node(node));
  const absl::StatusOr<Mac> node_end = MacOf(pod.device);
  if (!node_end.ok()) return node_end.status();
  SHUNT_TRY(AddRoutes(pod.device, {{pod.v4 + "/32", ""}, {pod.v6 + "/128", ""}}));
  InNamespace inside_pod(pod.where);
  SHUNT_TRY(AddDeviceAddress("eth0", pod.v4 + "/32"));
  SHUNT_TRY(AddDeviceAddress("eth0", pod.v6 + "/128"));
  SHUNT_TRY(AddNeighbour("eth0", kPodGateway, *node_end));
  SHUNT_TRY(AddNeighbour("eth0", kPodGateway6, *node_end));
  SHUNT_TRY(AddRoute({"0.0.0.0/0", kPodGateway, "eth0", /*onlink=*/true}));
  return AddRoute({"::/0", kPodGateway6, "eth0", /*onlink=*/true});
}

absl::Status ClusterNetwork::LoadNft(const NetworkNamespace& where, absl::string_view rules) {
  const posix::FileDescriptor input = InMemory(rules);
  const posix::FileDescriptor output = InMemory("");
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, input.get(), 0);
  posix_spawn_file_actions_adddup2(&files, output.get(), 1);
  posix_spawn_file_actions_adddup2(&files, output.get(), 2);
  const char* const words[] = {"nft", "-f", "-", nullptr};
  pid_t pid = -1;
  int error = 0;
  {
    InNamespace inside(where);
    error = posix_spawnp(&pid, "nft", &files, nullptr, const_cast<char* const*>(words), environ);
  }
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return absl::FailedPreconditionError("the program nft cannot be started: install nftables");
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  char said[512];
  const ssize_t size = std::max<ssize_t>(pread(output.get(), said, sizeof said, 0), 0);
  return absl::InvalidArgumentError(absl::StrCat("nft refuses the rules: ", absl::string_view(said, size)));
}

absl::Status ClusterNetwork::DropInvalid() const {
  for (int node = 0; node < kNodes; ++node) {
    SHUNT_TRY(LoadNft(this->node(node),
                      "table inet invalid {\n chain forward {\n type filter hook forward priority filter;\n"
                      "ct state invalid counter drop\n }\n }\n"));
  }
  return absl::OkStatus();
}

absl::Status ClusterNetwork::SetOffloads(bool on) const {
  for (const Part& part : parts_) {
    InNamespace inside(part.where);
    for (const std::string& device : part.devices) SHUNT_TRY(sandbox::SetOffloads(device, on));
  }
  return absl::OkStatus();
}

#undef SHUNT_TRY

}  // namespace shunt::sandbox
