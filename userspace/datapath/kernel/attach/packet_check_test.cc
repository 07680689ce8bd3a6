// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/packet_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace shunt::datapath {
namespace {

using ::testing::HasSubstr;

// A node as it should be: two uplinks, an overlay, pods.
PacketFacts GoodNode() {
  PacketFacts facts;
  facts.devices = {{.name = "eth0", .kind = "", .attach = true, .mtu = 1500, .has_default_route = true},
                   {.name = "eth1", .kind = "", .attach = true, .mtu = 1500},
                   {.name = "flannel.1", .kind = "vxlan", .role = SHUNT_DEVICE_OVERLAY, .attach = true, .mtu = 1450},
                   {.name = "cni0", .kind = "bridge", .role = SHUNT_DEVICE_POD, .mtu = 1450}};
  facts.conntrack_count = 1000;
  facts.conntrack_max = 262'144;
  return facts;
}

const Finding& Find(const std::vector<Finding>& findings, absl::string_view what) {
  for (const Finding& finding : findings) {
    if (finding.what == what) return finding;
  }
  ADD_FAILURE() << "no finding about " << what;
  return findings.front();
}

TEST(PacketCheckTest, ANodeAsItShouldBeHasNothingToDo) {
  for (const Finding& finding : JudgePackets(GoodNode())) {
    EXPECT_EQ(finding.verdict, Verdict::kOk) << finding.what << ": " << finding.detail;
    EXPECT_EQ(finding.what_to_do, "") << finding.what;
    EXPECT_NE(finding.detail, "") << finding.what;
  }
}

struct Row {
  const char* sentence;
  std::function<void(PacketFacts&)> change;
  const char* what;
  const char* detail;
  const char* what_to_do;
};

const Row kWarnings[] = {
    {"a device that does not forward IPv4", [](PacketFacts& facts) { facts.devices[0].forwards_v4 = false; },
     "forwarding", "off: eth0:", "sysctl -w net.ipv4.conf.eth0.forwarding=1"},
    {"a VLAN that does not forward IPv4",
     [](PacketFacts& facts) {
       facts.devices[0].name = "eth0.100";
       facts.devices[0].forwards_v4 = false;
     },
     "forwarding", "off: eth0.100:", "sysctl -w net.ipv4.conf.eth0/100.forwarding=1"},
    {"a host that does not forward IPv4",
     [](PacketFacts& facts) {
       facts.forwards_v4 = false;
       for (PacketDeviceFacts& device : facts.devices) device.forwards_v4 = false;
     },
     "forwarding", "off: all devices for IPv4: ", "sysctl -w net.ipv4.ip_forward=1"},
    {"a host that forwards IPv4 between some devices alone",
     [](PacketFacts& facts) {
       facts.forwards_v4 = false;
       facts.devices[1].forwards_v4 = false;
     },
     "forwarding", "off: eth1:", "sysctl -w net.ipv4.conf.eth1.forwarding=1"},
    {"the only device, where the host forwards IPv4",
     [](PacketFacts& facts) {
       facts.devices.resize(1);
       facts.devices[0].forwards_v4 = false;
     },
     "forwarding", "off: eth0:", "sysctl -w net.ipv4.conf.eth0.forwarding=1"},
    {"a host that does not forward IPv6", [](PacketFacts& facts) { facts.forwards_v6 = false; }, "forwarding",
     "all devices for IPv6", "net.ipv6.conf.all.forwarding=1"},
    {"a forward chain that drops by policy",
     [](PacketFacts& facts) {
       facts.chains = {{.family = "ip", .table = "filter", .name = "FORWARD", .drops_forwarded = true}};
     },
     "forward policy", "chain FORWARD of table ip filter", "a rule accepts packets to pods"},
    {"a second uplink with a strict filter", [](PacketFacts& facts) { facts.devices[1].strict_rp_filter = true; },
     "reverse path filter", "strict at eth1", "sysctl -w net.ipv4.conf.eth1.rp_filter=2"},
    {"a second uplink, a VLAN, with a strict filter",
     [](PacketFacts& facts) {
       facts.devices[1].name = "eth1.7";
       facts.devices[1].strict_rp_filter = true;
     },
     "reverse path filter", "strict at eth1.7", "sysctl -w net.ipv4.conf.eth1/7.rp_filter=2"},
    {"an overlay that leaves no room for its headers", [](PacketFacts& facts) { facts.devices[2].mtu = 1451; },
     "device sizes", "flannel.1 (1451, and 50 of the overlay): larger than eth0 (1500)", "the MTU of the CNI plugin"},
    {"pods that send more than an uplink carries", [](PacketFacts& facts) { facts.devices[3].mtu = 9000; },
     "device sizes", "cni0 (9000): larger than eth0 (1500)", "the MTU of the CNI plugin"},
    {"an XDP program at an uplink", [](PacketFacts& facts) { facts.devices[0].before_us = {"the XDP program 7"}; },
     "programs at devices", "the XDP program 7 at eth0", "bpftool net show"},
    {"kube-proxy's table without it",
     [](PacketFacts& facts) { facts.chains = {{.family = "ip6", .table = "kube-proxy", .name = "services"}}; },
     "kube-proxy's rules", "table ip6 kube-proxy, but it does not answer", "kube-proxy --cleanup"},
    {"kube-proxy's chains without it",
     [](PacketFacts& facts) { facts.chains = {{.family = "ip", .table = "nat", .name = "KUBE-SERVICES"}}; },
     "kube-proxy's rules", "chain KUBE-SERVICES of table ip nat, but", "kube-proxy --cleanup"},
    {"kube-proxy's device without it", [](PacketFacts& facts) { facts.has_ipvs_device = true; }, "kube-proxy's rules",
     "device kube-ipvs0, but", "kube-proxy --cleanup"},
    {"ports that are not reserved", [](PacketFacts& facts) { facts.missing_ports = "8080,49152-65535"; },
     "reserved ports", "the node's own sockets may be given",
     "sysctl -w net.ipv4.ip_local_reserved_ports=8080,49152-65535"},
    {"a table of connections that is nearly full", [](PacketFacts& facts) { facts.conntrack_count = 262'000; },
     "connection tracking", "262000 of 262144", "nf_conntrack_max"},
};

TEST(PacketCheckTest, WhatBreaksThePacketPathIsNamedWithItsRemedy) {
  for (const Row& row : kWarnings) {
    SCOPED_TRACE(row.sentence);
    PacketFacts facts = GoodNode();
    row.change(facts);
    const std::vector<Finding> findings = JudgePackets(facts);
    EXPECT_EQ(Find(findings, row.what).verdict, Verdict::kWarning);
    EXPECT_THAT(Find(findings, row.what).detail, HasSubstr(row.detail));
    EXPECT_THAT(Find(findings, row.what).what_to_do, HasSubstr(row.what_to_do));
    int others = 0;
    for (const Finding& finding : findings) others += finding.what != row.what && finding.verdict != Verdict::kOk;
    EXPECT_EQ(others, 0) << "it says nothing else";
  }
}

const Row kFine[] = {
    {"a strict filter where the default route leads",
     [](PacketFacts& facts) { facts.devices[0].strict_rp_filter = true; }, "reverse path filter", "", ""},
    {"a strict filter at the only uplink",
     [](PacketFacts& facts) {
       facts.devices.erase(facts.devices.begin());
       facts.devices[0].strict_rp_filter = true;
     },
     "reverse path filter", "", ""},
    {"a strict filter at the overlay", [](PacketFacts& facts) { facts.devices[2].strict_rp_filter = true; },
     "reverse path filter", "", ""},
    {"a device of pods that is not attached and does not forward",
     [](PacketFacts& facts) { facts.devices[3].forwards_v4 = false; }, "forwarding", "", ""},
    {"a kernel without IPv6",
     [](PacketFacts& facts) {
       facts.has_ipv6 = false;
       facts.forwards_v6 = false;
     },
     "forwarding", "", ""},
    {"kube-proxy's rules beside it",
     [](PacketFacts& facts) {
       facts.kube_proxy_answers = true;
       facts.chains = {{.family = "ip", .table = "nat", .name = "KUBE-SERVICES"}};
     },
     "kube-proxy's rules", "", ""},
    {"the kubelet's own chains",
     [](PacketFacts& facts) {
       facts.chains = {{.family = "ip", .table = "mangle", .name = "KUBE-KUBELET-CANARY"},
                       {.family = "ip", .table = "filter", .name = "KUBE-FIREWALL"}};
     },
     "kube-proxy's rules", "", ""},
    {"another chain with a policy to accept",
     [](PacketFacts& facts) { facts.chains = {{.family = "ip", .table = "filter", .name = "FORWARD"}}; },
     "forward policy", "", ""},
    {"no connection tracking", [](PacketFacts& facts) { facts.conntrack_count = facts.conntrack_max = std::nullopt; },
     "connection tracking", "", ""},
};

TEST(PacketCheckTest, WhatBreaksNothingIsNoWarning) {
  for (const Row& row : kFine) {
    SCOPED_TRACE(row.sentence);
    PacketFacts facts = GoodNode();
    row.change(facts);
    for (const Finding& finding : JudgePackets(facts)) {
      EXPECT_EQ(finding.verdict, Verdict::kOk) << finding.what << ": " << finding.detail;
    }
  }
}

}  // namespace
}  // namespace shunt::datapath
