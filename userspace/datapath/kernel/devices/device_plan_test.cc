// SPDX-License-Identifier: Apache-2.0
// Which devices get programs, and what the packet path is told of each. No privilege needed.
#include "userspace/datapath/kernel/devices/device_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_arp.h>

#include <algorithm>
#include <array>

#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

using model::IpAddress;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Link Device(uint32_t index, const std::string& name, const std::string& kind = "") {
  Link link;
  link.index = index;
  link.name = name;
  link.kind = kind;
  link.mtu = 1500;
  link.type = ARPHRD_ETHER;
  link.up = true;
  return link;
}

Link PodEnd(uint32_t index, const std::string& name) {
  Link link = Device(index, name, "veth");
  link.peer_elsewhere = true;
  return link;
}

Link PortOf(uint32_t master, const std::string& master_kind, Link link) {
  link.master = master;
  link.master_kind = master_kind;
  return link;
}

Link OfType(uint16_t type, Link link) {
  link.type = type;
  return link;
}

Link With(std::vector<LinkAddress> addresses, Link link) {
  link.addresses = std::move(addresses);
  return link;
}

LinkAddress At(const char* address, uint8_t prefix_length, bool secondary = false) {
  return LinkAddress{*IpAddress::Parse(address), prefix_length, secondary};
}

std::string RoleName(const PlannedDevice& device) {
  if (!device.row.has_value()) return "none";
  switch (device.row->role) {
    case SHUNT_DEVICE_EXTERNAL:
      return "external";
    case SHUNT_DEVICE_POD:
      return "pod";
    default:
      return "overlay";
  }
}

// A node with a bridge of pods, one pod beside it, an overlay, and a bond.
std::vector<Link> Node() {
  Link lo = OfType(ARPHRD_LOOPBACK, Device(1, "lo"));
  lo.loopback = true;
  return {lo,
          With({At("192.0.2.10", 24), At("2001:db8::10", 64)}, Device(2, "eth0")),
          PortOf(5, "bond", Device(3, "eth1")),
          With({At("10.244.1.1", 24)}, Device(4, "cni0", "bridge")),
          With({At("198.51.100.10", 24)}, Device(5, "bond0", "bond")),
          PortOf(4, "bridge", PodEnd(6, "veth6")),
          PodEnd(7, "cali7"),
          With({At("10.244.1.0", 32)}, Device(8, "flannel.1", "vxlan"))};
}

PlannedDevice Planned(const std::vector<Link>& links, const DeviceSettings& settings, const std::string& name) {
  for (PlannedDevice& device : PlanDevices(links, settings)) {
    if (device.name == name) return device;
  }
  ADD_FAILURE() << "there is no " << name;
  return {};
}

TEST(PlanDevices, ADevicesKindIsItsRole) {
  struct Row {
    const char* why;
    Link link;
    const char* role;
  };
  Link lo = Device(1, "lo");
  lo.loopback = true;
  const Row rows[] = {
      {"hardware", Device(2, "eth0"), "external"},
      {"a VLAN of it", Device(2, "eth0.7", "vlan"), "external"},
      {"a bond", Device(2, "bond0", "bond"), "external"},
      {"a port of a bond", PortOf(9, "bond", Device(2, "eth1")), "none"},
      {"a port of a team", PortOf(9, "team", Device(2, "eth1")), "none"},
      {"a port of a VRF takes its packets itself", PortOf(9, "vrf", Device(2, "eth1")), "external"},
      {"the VRF does not", Device(2, "red", "vrf"), "none"},
      {"loopback", lo, "none"},
      {"a pod's end", PodEnd(2, "cali1"), "pod"},
      {"a pod's end with the pods' gateway address", With({At("10.244.1.1", 32)}, PodEnd(2, "veth1")), "pod"},
      {"a pod's end in a bridge", PortOf(9, "bridge", PodEnd(2, "veth1")), "pod"},
      {"the uplink of a node that is a container", With({At("172.18.0.2", 16)}, PodEnd(2, "eth0")), "external"},
      {"... by IPv6 alone", With({At("fc00::2", 64)}, PodEnd(2, "eth0")), "external"},
      {"a veth with both ends here", Device(2, "veth1", "veth"), "external"},
      {"netkit",
       [] {
         Link link = PodEnd(2, "lxc1");
         link.kind = "netkit";
         return link;
       }(),
       "pod"},
      {"a virtual machine's tap", Device(2, "tap0", "tun"), "pod"},
      {"a VPN's tun", OfType(ARPHRD_NONE, Device(2, "tun0", "tun")), "external"},
      {"vxlan", Device(2, "flannel.1", "vxlan"), "overlay"},
      {"wireguard", OfType(ARPHRD_NONE, Device(2, "flannel-wg", "wireguard")), "overlay"},
      {"ipip", OfType(ARPHRD_TUNNEL, Device(2, "tunl0", "ipip")), "overlay"},
      {"an empty bridge", Device(2, "docker0", "bridge"), "pod"},
      {"dummy", Device(2, "nodelocaldns", "dummy"), "none"},
      {"kube-proxy's, of whatever kind", Device(2, "kube-ipvs0", "future"), "none"},
      {"a link layer that programs cannot read", OfType(ARPHRD_INFINIBAND, Device(2, "ib0")), "none"},
  };
  for (const Row& row : rows) {
    const PlannedDevice device = Planned({row.link}, {}, row.link.name);
    EXPECT_EQ(RoleName(device), row.role) << row.why;
    EXPECT_FALSE(device.attach) << row.why << ": no device is chosen without settings";
    EXPECT_THAT(device.why_not, HasSubstr("it")) << row.why;
  }
}

TEST(PlanDevices, ABridgeWithAnUplinkIsAnUplink) {
  const Link bridge = Device(4, "br0", "bridge");
  EXPECT_EQ(RoleName(Planned({bridge, PortOf(4, "bridge", PodEnd(5, "veth5"))}, {}, "br0")), "pod");
  EXPECT_EQ(RoleName(Planned({bridge, PortOf(4, "bridge", Device(5, "tap5", "tun"))}, {}, "br0")), "pod");
  EXPECT_EQ(RoleName(Planned({PortOf(4, "bridge", Device(2, "eth0")), bridge}, {}, "br0")), "external");
  EXPECT_EQ(RoleName(Planned({PortOf(3, "bridge", Device(2, "eth0")), bridge}, {}, "br0")), "pod")
      << "the uplink is in another bridge";
}

std::vector<std::string> Attached(const DeviceSettings& settings) {
  std::vector<std::string> attached;
  for (const PlannedDevice& device : PlanDevices(Node(), settings)) {
    EXPECT_NE(device.attach, !device.why_not.empty()) << device.name << ": programs, or why not";
    if (!device.attach) continue;
    EXPECT_TRUE(device.row.has_value()) << device.name;
    attached.push_back(device.name + " " + RoleName(device));
  }
  return attached;
}

TEST(PlanDevices, SettingsChoose) {
  EXPECT_THAT(Attached({}), IsEmpty());
  EXPECT_THAT(Attached({{"auto"}, {}}), ElementsAre("eth0 external", "bond0 external", "flannel.1 overlay"));
  EXPECT_THAT(Attached({{}, {"auto"}}), ElementsAre("cni0 pod", "veth6 pod", "cali7 pod"));
  EXPECT_THAT(Attached({{"eth*"}, {}}), ElementsAre("eth0 external")) << "a port of a bond is left to the bond";
  EXPECT_THAT(Attached({{"flannel.1"}, {}}), ElementsAre("flannel.1 overlay"));
  EXPECT_THAT(Attached({{"cni0"}, {"cali*"}}), ElementsAre("cni0 external", "cali7 pod")) << "a name beats the kind";
  EXPECT_THAT(Attached({{"auto"}, {"bond?"}}), ElementsAre("eth0 external", "bond0 pod", "flannel.1 overlay"));
  EXPECT_THAT(Attached({{"cali7"}, {"cali7"}}), ElementsAre("cali7 external")) << "the role with less trust";
  EXPECT_THAT(Attached({{"lo"}, {"lo"}}), IsEmpty());
}

TEST(PlanDevices, EachLeftOutDeviceSaysWhy) {
  EXPECT_THAT(Planned(Node(), {{"*"}, {}}, "lo").why_not, HasSubstr("loopback"));
  EXPECT_THAT(Planned(Node(), {{"*"}, {}}, "eth1").why_not, HasSubstr("a port of a bond"));
  EXPECT_THAT(Planned(Node(), {{"auto"}, {}}, "cali7").why_not, HasSubstr("not among"));
  const Link ib = OfType(ARPHRD_INFINIBAND, Device(9, "ib0"));
  EXPECT_THAT(Planned({ib}, {{"*"}, {}}, "ib0").why_not, HasSubstr("link layer (ARPHRD 32)"));
}

TEST(PlanDevices, ADeviceThatIsDownHasItsProgramsBeforeItsFirstPacket) {
  Link eth0 = Device(2, "eth0");
  eth0.up = false;
  EXPECT_TRUE(Planned({eth0}, {{"auto"}, {}}, "eth0").attach);
}

TEST(PlanDevices, ARowSaysHowToSend) {
  Link eth0 = Device(2, "eth0");
  eth0.mac = {2, 0, 0, 0, 0, 9};
  eth0.mtu = 9000;
  const Link wg0 = OfType(ARPHRD_NONE, Device(3, "wg0", "wireguard"));
  const Link port = PortOf(7, "bridge", PodEnd(4, "veth4"));
  const Link in_vrf = PortOf(8, "vrf", Device(5, "eth5"));
  const std::vector<PlannedDevice> devices = PlanDevices({eth0, wg0, port, in_vrf}, {});
  EXPECT_EQ(devices[0].row->link_header, 14);
  EXPECT_TRUE(std::equal(eth0.mac.begin(), eth0.mac.end(), devices[0].row->mac));
  EXPECT_EQ(devices[0].row->mtu, 9000u);
  EXPECT_EQ(devices[1].row->link_header, 0);
  EXPECT_EQ(devices[2].row->master, 7u);
  EXPECT_EQ(devices[3].row->master, 0u) << "of a VRF it is not a bridge";
}

TEST(PlanDevices, TheSourceIsTheDevicesElseItsBridgesElseTheNodes) {
  const auto sources = [](const std::vector<Link>& links, const std::string& name) {
    const PlannedDevice device = Planned(links, {}, name);
    const IpAddress v4 = DecodeAddress(device.row->source_v4), v6 = DecodeAddress(device.row->source_v6);
    return v4.ToString() + " " + v6.ToString();
  };
  EXPECT_EQ(sources(Node(), "eth0"), "192.0.2.10 2001:db8::10");
  EXPECT_EQ(sources(Node(), "flannel.1"), "10.244.1.0 2001:db8::10") << "IPv6 has none there";
  EXPECT_EQ(sources(Node(), "veth6"), "10.244.1.1 2001:db8::10");
  EXPECT_EQ(sources(Node(), "cali7"), "192.0.2.10 2001:db8::10");
  EXPECT_EQ(sources({PodEnd(7, "cali7")}, "cali7"), ":: ::") << "a node without addresses";
  EXPECT_EQ(sources({With({At("2001:db8::99", 64, true), At("2001:db8::1", 64)}, Device(2, "eth0"))}, "eth0"),
            ":: 2001:db8::1")
      << "a temporary address is not the first choice";
  EXPECT_EQ(sources({With({At("2001:db8::99", 64, true)}, Device(2, "eth0"))}, "eth0"), ":: 2001:db8::99");
  EXPECT_EQ(sources({With({At("10.96.0.1", 32)}, Device(2, "kube-ipvs0", "dummy")), Device(3, "eth0")}, "eth0"),
            ":: ::")
      << "a Service's address is not the node's";
  EXPECT_EQ(sources({With({At("10.244.1.1", 24)}, Device(2, "cni0", "bridge")), Device(3, "eth0")}, "eth0"), ":: ::")
      << "nor is the pods' bridge's";
}

TEST(UnmatchedDevices, NamesWhatNoDeviceHas) {
  EXPECT_THAT(UnmatchedDevices(Node(), {{"auto", "eth*", "ens5"}, {"auto", "ens5", "cilium_*"}}),
              ElementsAre("ens5", "cilium_*"));
  EXPECT_THAT(UnmatchedDevices(Node(), {}), IsEmpty());
}

}  // namespace
}  // namespace shunt::datapath
