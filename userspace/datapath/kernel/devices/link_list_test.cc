// SPDX-License-Identifier: Apache-2.0
// What rtnetlink's messages say of a device. No privilege needed: the messages are built by hand.
#include "userspace/datapath/kernel/devices/link_list.h"

#include <gtest/gtest.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstring>

#include "userspace/datapath/kernel/route_socket.h"

namespace shunt::datapath {
namespace {

ifinfomsg Header(int index, unsigned flags = 0, uint16_t type = ARPHRD_ETHER) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = index;
  header.ifi_flags = flags;
  header.ifi_type = type;
  return header;
}

std::optional<Link> Parsed(const RouteRequest& message) {
  std::vector<uint32_t> aligned(message.bytes().size() / 4 + 1);
  std::memcpy(aligned.data(), message.bytes().data(), message.bytes().size());
  return ParseLink(*reinterpret_cast<const nlmsghdr*>(aligned.data()));
}

RouteRequest VethInBridge() {
  RouteRequest message(RTM_NEWLINK, 0, Header(7, IFF_UP | IFF_RUNNING));
  message.AddText(IFLA_IFNAME, "veth7");
  message.AddValue<uint32_t>(IFLA_MTU, 1450);
  message.AddValue(IFLA_ADDRESS, std::array<uint8_t, 6>{2, 0, 0, 0, 0, 7});
  message.AddValue<uint32_t>(IFLA_MASTER, 4);
  message.AddValue<int32_t>(IFLA_LINK_NETNSID, 0);
  const size_t info = message.BeginNest(IFLA_LINKINFO);
  message.AddText(IFLA_INFO_KIND, "veth");
  message.AddText(IFLA_INFO_SLAVE_KIND, "bridge");
  message.EndNest(info);
  return message;
}

TEST(ParseLink, ReadsWhatADeviceIs) {
  Link expected;
  expected.index = 7;
  expected.name = "veth7";
  expected.kind = "veth";
  expected.master = 4;
  expected.master_kind = "bridge";
  expected.mac = {2, 0, 0, 0, 0, 7};
  expected.mtu = 1450;
  expected.type = ARPHRD_ETHER;
  expected.up = true;
  expected.peer_elsewhere = true;
  EXPECT_EQ(Parsed(VethInBridge()), expected);
}

TEST(ParseLink, WhatIsNotSaidIsNothing) {
  RouteRequest message(RTM_NEWLINK, 0, Header(1, IFF_LOOPBACK, ARPHRD_LOOPBACK));
  message.AddText(IFLA_IFNAME, "lo");
  Link expected;
  expected.index = 1;
  expected.name = "lo";
  expected.type = ARPHRD_LOOPBACK;
  expected.loopback = true;
  EXPECT_EQ(Parsed(message), expected);
}

TEST(ParseLink, AnAddressOfAnotherLengthIsNoMac) {
  RouteRequest tunnel(RTM_NEWLINK, 0, Header(9, 0, ARPHRD_TUNNEL));
  tunnel.AddText(IFLA_IFNAME, "tunl0");
  tunnel.AddValue<uint32_t>(IFLA_ADDRESS, 0x0100007f);
  EXPECT_EQ(Parsed(tunnel)->mac, (std::array<uint8_t, 6>{}));
}

TEST(ParseLink, OtherMessagesAreNoDevice) {
  ifinfomsg port = Header(7);
  port.ifi_family = AF_BRIDGE;
  RouteRequest of_bridge(RTM_NEWLINK, 0, port);
  of_bridge.AddText(IFLA_IFNAME, "veth7");
  EXPECT_EQ(Parsed(of_bridge), std::nullopt) << "a bridge tells of its port";
  RouteRequest gone(RTM_DELLINK, 0, Header(7));
  gone.AddText(IFLA_IFNAME, "veth7");
  EXPECT_EQ(Parsed(gone), std::nullopt);
  EXPECT_EQ(Parsed(RouteRequest(RTM_NEWLINK, 0, Header(7))), std::nullopt) << "without a name";
}

// The sanitizers see any read beyond the end.
TEST(ParseLink, MessagesCutAnywhereAreHarmless) {
  const RouteRequest whole = VethInBridge();
  for (size_t length = 0; length < whole.bytes().size(); ++length) {
    RouteDump dump;
    int found = 0;
    (void)ParseRouteMessages("devices", whole.bytes().data(), length, &dump,
                             [&](const nlmsghdr& message) { found += ParseLink(message).has_value(); });
    EXPECT_EQ(found, 0) << length;
  }
}

// Attributes that end early inside a message of the right length.
TEST(ParseLink, AttributesCutAnywhereAreHarmless) {
  const RouteRequest whole = VethInBridge();
  for (size_t length = NLMSG_LENGTH(sizeof(ifinfomsg)); length < whole.bytes().size(); ++length) {
    std::vector<uint32_t> aligned(length / 4 + 1);
    std::memcpy(aligned.data(), whole.bytes().data(), length);
    auto* message = reinterpret_cast<nlmsghdr*>(aligned.data());
    message->nlmsg_len = static_cast<uint32_t>(length);
    const std::optional<Link> link = ParseLink(*message);
    EXPECT_TRUE(!link.has_value() || link->name == "veth7") << length;
  }
}

}  // namespace
}  // namespace shunt::datapath
