// SPDX-License-Identifier: Apache-2.0
// The packet path's programs, packet by packet: what goes in, what comes out, and where it goes.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bpf/tc_fixture.h"

namespace shunt {
namespace {

TEST_F(TcTest, TheFirstPacketOfAFlowGoesItsWay) {
  const packets::Mac node_b = MacOf(kNodeBMac), overlay = MacOf(kOverlayMac), pod2 = MacOf(kPodMac2);
  const packets::Mac from_pod = MacOf(kPodMac1);
  Run({
      {"NodePort, remote pod: the node's address is lent", "eth0", Tcp("198.51.100.7:40001", "192.0.2.10:30080").Syn(),
       kRedirect, Routed(Tcp(kBorrowed, "10.244.2.7:8080").Syn(), node_b)},
      {"the same by UDP", "eth0", Udp("198.51.100.7:40001", "192.0.2.10:30080").Payload(9), kRedirect,
       Routed(Udp(kBorrowed, "10.244.2.7:8080").Payload(9), node_b)},
      {"UDP without a checksum has none after it", "eth0",
       Udp("198.51.100.7:40002", "192.0.2.10:30080").Payload(9).NoChecksum(), kRedirect,
       Routed(Udp(kBorrowed, "10.244.2.7:8080").Payload(9).NoChecksum(), node_b)},
      {"IPv6", "eth0", Tcp("[2001:db8:7::7]:40001", "[2001:db8::10]:30080").Syn(), kRedirect,
       Routed(Tcp(kBorrowedV6, "[fd00:244:2::7]:8080").Syn(), node_b)},
      {"IPv6 by UDP", "eth0", Udp("[2001:db8:7::7]:40001", "[2001:db8::10]:30080").Payload(9), kRedirect,
       Routed(Udp(kBorrowedV6, "[fd00:244:2::7]:8080").Payload(9), node_b)},
      {"local pod: through the stack, with the client's address", "eth0",
       Tcp("198.51.100.7:40003", "192.0.2.10:30081").Syn(), kPass, Tcp("198.51.100.7:40003", "10.244.1.7:8080").Syn()},
      {"local pod by UDP and IPv6", "eth0", Udp("[2001:db8:7::7]:40003", "[2001:db8::10]:30081").Payload(1), kPass,
       Udp("[2001:db8:7::7]:40003", "[fd00:244:1::7]:8080").Payload(1)},
      {"hostNetwork on this node: through the stack", "eth0", Tcp("198.51.100.7:40004", "192.0.2.10:30082").Syn(),
       kPass, Tcp("198.51.100.7:40004", "192.0.2.10:9090").Syn()},
      {"behind an overlay: the overlay's address is lent", "eth0", Tcp("198.51.100.7:40005", "192.0.2.10:30083").Syn(),
       kRedirect, Routed(Tcp(kBorrowedOverlay, "10.244.9.5:8080").Syn(), overlay)},
      {"a ClusterIP from outside", "eth0", Tcp("198.51.100.7:40006", "10.96.0.10:80").Syn(), kRedirect,
       Routed(Tcp(kBorrowed, "10.244.2.7:8080").Syn(), node_b)},
      {"a ClusterIP from a pod, remote: through the stack, unlent", "pod1",
       Tcp("10.244.1.7:40007", "10.96.0.10:80").Syn(), kPass, Tcp("10.244.1.7:40007", "10.244.2.7:8080").Syn()},
      {"a NodePort from a pod likewise", "pod1", Tcp("10.244.1.7:40008", "192.0.2.10:30080").Syn(), kPass,
       Tcp("10.244.1.7:40008", "10.244.2.7:8080").Syn()},
      {"a pod that reaches itself gets another source", "pod1", Tcp("10.244.1.7:40009", "10.96.0.10:81").Syn(),
       kRedirect, Routed(Tcp(kBorrowed, "10.244.1.7:8080").Syn(), kClientMac)},
      {"two pods on one bridge: past the stack, unlent", "p1",
       Tcp("10.244.3.2:40010", "10.96.0.10:83").Macs(from_pod, kNodeMac).Syn(), kRedirect,
       Routed(Tcp("10.244.3.2:40010", "10.244.3.3:8080").Syn(), pod2)},
      {"a bridged pod that reaches itself gets another source", "p2",
       Tcp("10.244.3.3:40011", "10.96.0.10:83").Macs(pod2, kNodeMac).Syn(), kRedirect,
       Routed(Tcp(kBorrowedBridge, "10.244.3.3:8080").Syn(), pod2)},
      {"IP options stay", "eth0", Tcp("198.51.100.7:40012", "192.0.2.10:30080").IpOptions(8).Syn(), kRedirect,
       Routed(Tcp(kBorrowed, "10.244.2.7:8080").IpOptions(8).Syn(), node_b)},
      {"extension headers stay", "eth0",
       Tcp("[2001:db8:7::7]:40012", "[2001:db8::10]:30080")
           .Extension(packets::kHopByHop)
           .Extension(packets::kDestinationOptions, 16)
           .Syn(),
       kRedirect,
       Routed(Tcp(kBorrowedV6, "[fd00:244:2::7]:8080")
                  .Extension(packets::kHopByHop)
                  .Extension(packets::kDestinationOptions, 16)
                  .Syn(),
              node_b)},
      {"a routing header that has led it here stays", "eth0",
       Tcp("[2001:db8:7::7]:40015", "[2001:db8::10]:30081").Extension(packets::kRouting).Syn(), kPass,
       Tcp("[2001:db8:7::7]:40015", "[fd00:244:1::7]:8080").Extension(packets::kRouting).Syn()},
      {"TCP options and data stay", "eth0",
       Tcp("198.51.100.7:40013", "192.0.2.10:30081").Syn().TcpOptions(20).Payload(33), kPass,
       Tcp("198.51.100.7:40013", "10.244.1.7:8080").Syn().TcpOptions(20).Payload(33)},
      {"padding of the frame stays", "eth0", Tcp("198.51.100.7:40014", "192.0.2.10:30081").Syn().Padding(6), kPass,
       Tcp("198.51.100.7:40014", "10.244.1.7:8080").Syn().Padding(6)},
  });
  EXPECT_EQ(world_->TakenPorts(), 11u) << "one for each flow that borrows";
}

TEST_F(TcTest, WhatIsNobodysPassesUntouched) {
  Packet under_way = Tcp("[2001:db8:7::7]:40001", "[2001:db8::10]:30080").Extension(packets::kRouting).Syn();
  under_way.extensions[0].body[1] = 1;  // segments left
  Run({
      {"another port of the node", "eth0", Tcp("198.51.100.7:40001", "192.0.2.10:22").Syn(), kPass, {}},
      {"an overlay's outer packet", "eth0", Udp("192.0.2.11:50000", "192.0.2.10:4789").Payload(90), kPass, {}},
      {"a NodePort on another node's address", "eth0", Tcp("198.51.100.7:40001", "192.0.2.11:30080").Syn(), kPass, {}},
      {"a stranger", "eth0", Tcp("198.51.100.7:40001", "203.0.113.9:443").Syn(), kPass, {}},
      {"a pod that dials a pod", "pod1", Tcp("10.244.1.7:40001", "10.244.2.7:8080").Syn(), kPass, {}},
      {"what a backend sends to a stranger", "pod1", Tcp("10.244.1.7:8080", "203.0.113.9:443").Ack(), kPass, {}},
      {"ping of a ClusterIP", "eth0", packets::EchoRequest("198.51.100.7", "10.96.0.10"), kPass, {}},
      {"another protocol", "eth0", packets::OtherProtocol("198.51.100.7", "10.96.0.10", 47), kPass, {}},
      {"port 0", "eth0", Tcp("198.51.100.7:40001", "10.96.0.10:0").Syn(), kPass, {}},
      {"a connection of the host's own to a port that is a NodePort",
       "eth0",
       Tcp("198.51.100.7:443", "192.0.2.10:30080").SynAck(),
       kPass,
       {}},
      {"a connection that the packet path has not seen begin, on the node's address",
       "eth0",
       Tcp("198.51.100.7:40001", "192.0.2.10:30080").Ack(),
       kPass,
       {}},
      {"a tagged frame, which comes again at the VLAN's device",
       "eth0",
       Tcp("198.51.100.7:40001", "192.0.2.10:30080").Vlan(7).Syn(),
       kPass,
       {}},
      {"a frame for another host",
       "eth0",
       Tcp("198.51.100.7:40001", "192.0.2.10:30080").Macs(kClientMac, MacOf(0x77)).Syn(),
       kPass,
       {}},
      {"a frame for all hosts",
       "eth0",
       Udp("198.51.100.7:40001", "192.0.2.10:30080").Macs(kClientMac, {255, 255, 255, 255, 255, 255}).Payload(1),
       kPass,
       {}},
      {"a bridged pod's frame for its neighbour",
       "p1",
       Tcp("10.244.3.2:40001", "10.96.0.10:83").Macs(MacOf(kPodMac1), MacOf(kPodMac2)).Syn(),
       kPass,
       {}},
      {"a packet under way by a routing header", "eth0", under_way, kPass, {}},
      {"a fragment without ports",
       "eth0",
       Udp("198.51.100.7:40001", "192.0.2.10:30080").Payload(64).Part(8, true),
       kPass,
       {}},
      {"an ICMP error",
       "eth0",
       packets::PortUnreachable("198.51.100.7", "192.0.2.10").Quoting(Udp("192.0.2.10:50000", "198.51.100.7:53")),
       kPass,
       {}},
  });
}

TEST_F(TcTest, PacketsAndRepliesOfAFlowFollowTheFirst) {
  const packets::Mac node_b = MacOf(kNodeBMac), pod1 = MacOf(kPodMac1), pod2 = MacOf(kPodMac2);
  world_->Ingress("eth0", Tcp("198.51.100.7:40001", "192.0.2.10:30080").Syn());
  world_->Ingress("eth0", Udp("[2001:db8:7::7]:40002", "[2001:db8::10]:30080"));
  world_->Ingress("eth0", Tcp("198.51.100.7:40003", "192.0.2.10:30081").Syn());
  world_->Ingress("pod1", Tcp("10.244.1.7:40004", "10.96.0.10:80").Syn());
  world_->Ingress("p1", Tcp("10.244.3.2:40005", "10.96.0.10:83").Macs(pod1, kNodeMac).Syn());
  world_->Ingress("pod1", Tcp("10.244.1.7:40006", "10.96.0.10:81").Syn());
  const std::string lent = absl::StrCat("192.0.2.10:", BorrowedBy(40001));
  const std::string lent6 = absl::StrCat("[2001:db8::10]:", BorrowedBy(40002));
  const std::string lent_itself = absl::StrCat("192.0.2.10:", BorrowedBy(40006));
  Run({
      {"the next packet", "eth0", Tcp("198.51.100.7:40001", "192.0.2.10:30080").Ack().Payload(100), kRedirect,
       Routed(Tcp(lent, "10.244.2.7:8080").Ack().Payload(100), node_b)},
      {"its reply", "eth0", Tcp("10.244.2.7:8080", lent).Macs(node_b, kNodeMac).SynAck(), kRedirect,
       Routed(Tcp("192.0.2.10:30080", "198.51.100.7:40001").SynAck(), kClientMac)},
      {"another port of the same backend has no part in it",
       "eth0",
       Tcp("10.244.2.7:8081", lent).Macs(node_b, kNodeMac).SynAck(),
       kPass,
       {}},
      {"a datagram's reply", "eth0", Udp("[fd00:244:2::7]:8080", lent6).Payload(50), kRedirect,
       Routed(Udp("[2001:db8::10]:30080", "[2001:db8:7::7]:40002").Payload(50), kClientMac)},
      {"a datagram's reply without data", "eth0", Udp("[fd00:244:2::7]:8080", lent6), kRedirect,
       Routed(Udp("[2001:db8::10]:30080", "[2001:db8:7::7]:40002"), kClientMac)},
      {"the reply of a local pod goes into the stack first",
       "pod1",
       Tcp("10.244.1.7:8080", "198.51.100.7:40003").SynAck(),
       kPass,
       {}},
      {"the reply to a pod's packet goes into the stack first",
       "eth0",
       Tcp("10.244.2.7:8080", "10.244.1.7:40004").Macs(node_b, kNodeMac).SynAck(),
       kPass,
       {}},
      {"the reply of a pod on the same bridge, to its neighbour's link-layer address", "p2",
       Tcp("10.244.3.3:8080", "10.244.3.2:40005").Macs(pod2, pod1).SynAck(), kRedirect,
       Routed(Tcp("10.96.0.10:83", "10.244.3.2:40005").SynAck(), pod1)},
      {"the reply of a pod to itself", "pod1", Tcp("10.244.1.7:8080", lent_itself).SynAck(), kRedirect,
       Routed(Tcp("10.96.0.10:81", "10.244.1.7:40006").SynAck(), kClientMac)},
  });
  Run({{"out of the stack it becomes the frontend's", "eth0", Tcp("10.244.1.7:8080", "198.51.100.7:40003").SynAck(),
        kPass, Tcp("192.0.2.10:30081", "198.51.100.7:40003").SynAck()},
       {"and so does the pod's", "pod1", Tcp("10.244.2.7:8080", "10.244.1.7:40004").Ack().Payload(77), kPass,
        Tcp("10.96.0.10:80", "10.244.1.7:40004").Ack().Payload(77)},
       {"and one between bridged pods that no port has seen", "cni0", Tcp("10.244.3.3:8080", "10.244.3.2:40005").Ack(),
        kPass, Tcp("10.96.0.10:83", "10.244.3.2:40005").Ack()},
       {"a borrowed source is not given back at egress", "eth0", Tcp("10.244.2.7:8080", lent).Ack(), kPass, {}},
       {"what goes out to a backend stays as it is", "eth0", Tcp(lent, "10.244.2.7:8080").Ack(), kPass, {}},
       {"what a pod sends to a stranger stays as it is",
        "eth0",
        Tcp("10.244.1.7:8080", "203.0.113.9:443").Ack(),
        kPass,
        {}}},
      /*egress=*/true);
}

Packet ResetFrom(const char* from, const char* to, uint32_t acknowledgement) {
  return Tcp(from, to)
      .Flags(packets::TcpHeader::kRst | packets::TcpHeader::kAck)
      .Sequence(0)
      .Window(0)
      .Acknowledgement(acknowledgement);
}

TEST_F(TcTest, WhatNobodyServesIsRefusedWhereItWasAsked) {
  const auto answer = [](Packet packet) { return packet.Macs(kNodeMac, kClientMac); };
  const Packet udp = Udp("198.51.100.7:40001", "192.0.2.10:30084").Payload(100);
  const Packet udp6 = Udp("[2001:db8:7::7]:40001", "[fd00:96::10]:99").Payload(100);
  const Packet options = Udp("198.51.100.7:40001", "192.0.2.10:30084").IpOptions(40).Payload(3);
  Run({
      {"TCP without endpoints", "eth0", Tcp("198.51.100.7:40001", "192.0.2.10:30084").Syn().TcpOptions(20), kRedirect,
       answer(ResetFrom("192.0.2.10:30084", "198.51.100.7:40001", 1001)).DontFragment()},
      {"an unused port of a ClusterIP", "pod1", Tcp("10.244.1.7:40001", "10.96.0.10:99").Syn().Payload(5), kRedirect,
       answer(ResetFrom("10.96.0.10:99", "10.244.1.7:40001", 1001)).DontFragment()},
      {"the same of IPv6", "pod1", Tcp("[fd00:244:1::7]:40001", "[fd00:96::10]:99").Syn(), kRedirect,
       answer(ResetFrom("[fd00:96::10]:99", "[fd00:244:1::7]:40001", 1001))},
      {"UDP without endpoints", "eth0", udp, kRedirect,
       answer(packets::PortUnreachable("192.0.2.10", "198.51.100.7").QuotingWords(udp)).DontFragment()},
      {"UDP without data", "eth0", Udp("198.51.100.7:40001", "192.0.2.10:30084"), kRedirect,
       answer(packets::PortUnreachable("192.0.2.10", "198.51.100.7")
                  .QuotingWords(Udp("198.51.100.7:40001", "192.0.2.10:30084")))
           .DontFragment()},
      {"UDP of IPv6", "eth0", udp6, kRedirect,
       answer(packets::PortUnreachable("fd00:96::10", "2001:db8:7::7").QuotingWords(udp6))},
      {"no local endpoint under a Local policy: silence",
       "eth0",
       Tcp("198.51.100.7:40001", "192.0.2.10:30085").Syn(),
       kDrop,
       {}},
      {"UDP with options", "eth0", options, kRedirect,
       answer(packets::PortUnreachable("192.0.2.10", "198.51.100.7").QuotingWords(options)).DontFragment()},
      {"a RST cannot answer options",
       "eth0",
       Tcp("198.51.100.7:40001", "192.0.2.10:30084").IpOptions().Syn(),
       kDrop,
       {}},
      {"nor can a source that is no host", "eth0", Udp("224.0.0.1:40001", "192.0.2.10:30084"), kDrop, {}},
      {"a connection whose flow is gone", "eth0", Tcp("198.51.100.7:40001", "10.96.0.10:80").Ack(), kDrop, {}},
      {"a RST is never answered", "eth0", Tcp("198.51.100.7:40001", "192.0.2.10:30084").Reset(), kPass, {}},
  });
  EXPECT_EQ(world_->Reason(SHUNT_REASON_NO_ENDPOINTS), 6u);
  EXPECT_EQ(world_->Reason(SHUNT_REASON_UNUSED_PORT), 3u);
  EXPECT_EQ(world_->Reason(SHUNT_REASON_LOCAL_MISS), 1u);
  EXPECT_EQ(world_->Reason(SHUNT_REASON_UNANSWERABLE), 2u);
  EXPECT_EQ(world_->Flows().size(), 0u);
}

// What is cut off within the headers is left alone, wherever it is cut.
TEST_F(TcTest, APacketWithoutAllItsHeadersPassesUntouched) {
  const struct {
    Packet packet;
    size_t headers;  // in bytes
  } kCases[] = {
      {Tcp("198.51.100.7:40001", "192.0.2.10:30080").IpOptions(8).Syn().TcpOptions(8).Payload(4), 14 + 28 + 20},
      {Udp("198.51.100.7:40001", "192.0.2.10:30081").Payload(4), 14 + 20 + 8},
      {Tcp("[2001:db8:7::7]:40001", "[2001:db8::10]:30081").Extension(packets::kHopByHop).Syn(), 14 + 40 + 8 + 20},
      {Udp("198.51.100.7:40001", "192.0.2.10:30084").Payload(40), 14 + 20 + 8},
      {Tcp("198.51.100.7:40001", "192.0.2.10:30084").Syn(), 14 + 20 + 20},
      {packets::PortUnreachable("198.51.100.7", "192.0.2.10").Quoting(Udp("192.0.2.10:50000", "198.51.100.7:53")), 999},
  };
  for (const auto& [packet, headers] : kCases) {
    SCOPED_TRACE(ToString(packet));
    for (const Bytes& prefix : packets::Prefixes(ToBytes(packet))) {
      if (prefix.size() < (packet.IsV4() ? 34u : 54u)) continue;  // the kernel makes no packet of it
      const RunResult result = world_->IngressBytes("eth0", prefix);
      const bool is_untouched = result.verdict == kPass && result.packet == prefix;
      EXPECT_EQ(is_untouched, prefix.size() < headers) << prefix.size() << " bytes";
    }
  }
}

}  // namespace
}  // namespace shunt
