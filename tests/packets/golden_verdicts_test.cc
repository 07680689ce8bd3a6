// SPDX-License-Identifier: Apache-2.0
// Golden packets without a flow: what passes untouched, what is dropped in silence, what is refused with which answer.
// Each row is a sentence, a packet, and what becomes of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/packet_abi.h"
#include "tests/packets/packet.h"
#include "tests/packets/packet_node.h"
#include "tests/packets/parse.h"
#include "tests/packets/test_run.h"
#include "tests/sandbox/service_story.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::packets {
namespace {

using sandbox::ServiceStory;

constexpr char kClient[] = "198.51.100.7:40000";
constexpr char kClient6[] = "[2001:db8:1::7]:40000";
constexpr char kPod[] = "10.244.1.2:40000";
constexpr char kPod6[] = "[fd00:244:1::2]:40000";

class GoldenVerdictsTest : public datapath::SandboxTest {
 protected:
  void Start(const ProgramOptions& options = {}) {
    auto made = PacketNode::Create(bpffs_, cgroup_, options);
    ASSERT_TRUE(made.ok()) << made.status();
    node_ = *std::move(made);
    const absl::Status serving = node_->programs().Serve(
        {Story("web", 1, 30081).Endpoint({.address = "10.244.1.2"}).Endpoint({.address = "fd00:244:1::2"}),
         Story("empty", 2, 30082),
         Story("elsewhere", 3, 30083)
             .ExternalLocal()
             .Endpoint({.address = "10.244.2.7", .node = "b"})
             .Endpoint({.address = "fd00:244:2::7", .node = "b"}),
         Story("at-home", 4, 30084)
             .InternalLocal()
             .Endpoint({.address = "10.244.2.7", .node = "b"})
             .Endpoint({.address = "fd00:244:2::7", .node = "b"})},
        {"10.244.1.2:8080", "[fd00:244:1::2]:8080", "10.244.2.7:8080", "[fd00:244:2::7]:8080"});
    ASSERT_TRUE(serving.ok()) << serving;
  }

  void TearDown() override {
    node_.reset();
    SandboxTest::TearDown();
  }

  // Addresses 10.96.0.N, 203.0.113.N and their like in IPv6.
  static ServiceStory Story(const std::string& name, int number, uint16_t node_port) {
    ServiceStory story(name);
    story.ClusterIp(absl::StrCat("10.96.0.", number)).ClusterIp(absl::StrCat("fd00:96::", number));
    story.LoadBalancerIp(absl::StrCat("203.0.113.", number)).LoadBalancerIp(absl::StrCat("2001:db8:2::", number));
    for (const model::Protocol protocol : {model::Protocol::kTcp, model::Protocol::kUdp, model::Protocol::kSctp}) {
      story.Port(80, protocol, 8080, node_port);
    }
    return story;
  }

  std::unique_ptr<PacketNode> node_;
};

struct Row {
  const char* sentence;
  const char* device;
  Packet packet;
  std::vector<std::string> reasons;  // that are counted
  Hook hook = Hook::kIngress;
};

// The node's filters are wide open, so what they would let pass uncounted is counted as no service's.
std::vector<Row> PassingRows() {
  return {
      {"a connection to a port of the node that is no service's",
       "eth0",
       Tcp(kClient, "192.0.2.10:22").Syn(),
       {"not_a_service"}},
      {"the same by IPv6", "eth0", Tcp(kClient6, "[2001:db8::10]:22").Syn(), {"not_a_service"}},
      {"a datagram to a port of the NodePorts' range that is no service's",
       "eth0",
       Udp(kClient, "192.0.2.10:31999"),
       {"not_a_service"}},
      {"a datagram of the overlay itself",
       "eth0",
       Udp("192.0.2.11:50123", "192.0.2.10:8472").Payload(100),
       {"not_a_service"}},
      {"a connection to another host", "eth0", Tcp(kClient, "192.0.2.99:80").Syn(), {"not_a_service"}},
      {"a connection to a pod", "eth0", Tcp(kClient, "10.244.1.2:8080").Syn(), {"not_a_service"}},
      {"a connection to a port of a load balancer's address that is no service's",
       "eth0",
       Tcp(kClient, "203.0.113.1:443").Syn(),
       {"not_a_service"}},
      {"the same by IPv6", "eth0", Udp(kClient6, "[2001:db8:2::1]:443"), {"not_a_service"}},
      {"a client from outside that dials a ClusterIP", "eth0", Tcp(kClient, "10.96.0.1:80").Syn(), {"outside_client"}},
      {"the same by IPv6", "eth0", Udp(kClient6, "[fd00:96::1]:80"), {"outside_client"}},
      {"a packet to port 0", "eth0", Udp(kClient, "203.0.113.1:0"), {"port_zero"}},
      {"an echo request to a load balancer's address",
       "eth0",
       EchoRequest("198.51.100.7", "203.0.113.1").Payload(56),
       {}},
      {"an echo request to a ClusterIP", "pod1", EchoRequest("10.244.1.2", "10.96.0.1"), {}},
      {"an echo request by IPv6", "eth0", EchoRequest("2001:db8:1::7", "2001:db8:2::1"), {}},
      {"a protocol without ports to a load balancer's address",
       "eth0",
       OtherProtocol("198.51.100.7", "203.0.113.1", 47).Payload(30),
       {}},
      {"IPsec by IPv6", "eth0", OtherProtocol("2001:db8:1::7", "2001:db8:2::1", 50).Payload(30), {}},
      {"a packet with a VLAN's tag", "eth0", Tcp(kClient, "192.0.2.10:30081").Syn().Vlan(7), {}},
      {"a packet on its way by a routing header",
       "eth0",
       [] {
         Packet packet = Tcp(kClient6, "[2001:db8::10]:30081").Syn().Extension(kRouting, 24);
         packet.extensions[0].body[1] = 1;  // segments left
         return packet;
       }(),
       {}},
      {"a packet within an unknown connection to the node",
       "eth0",
       Tcp(kClient, "192.0.2.10:30081").Ack().Payload(5),
       {"no_flow"}},
      {"a reset of an unknown connection to the node", "eth0", Tcp(kClient, "192.0.2.10:30081").Reset(), {"no_flow"}},
      {"what a backend sends to a stranger",
       "flannel.1",
       Tcp("10.244.2.7:8080", "10.244.1.0:50000").SynAck(),
       {"not_a_service"}},
      {"the same where it leaves", "eth0", Tcp("10.244.1.2:8080", kClient).SynAck(), {}, Hook::kEgress},
      {"what the node itself sends", "eth0", Tcp("192.0.2.10:34567", "198.51.100.7:443").Syn(), {}, Hook::kEgress},
      {"what the node sends to a service, at the way out",
       "eth0",
       Tcp("192.0.2.10:34567", "203.0.113.1:80").Syn(),
       {},
       Hook::kEgress},
  };
}

std::vector<Row> PassingSctpRows() {
  return {
      {"a packet within an unknown association to the node",
       "eth0",
       Sctp(kClient, "192.0.2.10:30081").Chunk(kSctpData, 40),
       {"no_flow"}},
      {"the end of an unknown association to the node",
       "eth0",
       Sctp(kClient6, "[2001:db8::10]:30081").Abort(),
       {"no_flow"}},
      {"an association with a port of the node that is no service's",
       "eth0",
       Sctp(kClient, "192.0.2.10:3868").Init(),
       {"not_a_service"}},
      {"an association of a client from outside with a ClusterIP",
       "eth0",
       Sctp(kClient, "10.96.0.1:80").Init(),
       {"outside_client"}},
      {"a packet of SCTP without a chunk", "eth0", Sctp(kClient, "192.0.2.10:30081").Padding(20), {}},
      {"a first fragment of SCTP to a port that is no service's",
       "eth0",
       Sctp(kClient, "192.0.2.10:3868").Chunk(1, 100).Part(0, true).Checksum(7),
       {}},
  };
}

TEST_F(GoldenVerdictsTest, WhatIsForNoServicePassesUntouched) {
  Start();
  std::vector<Row> rows = PassingRows();
  std::ranges::move(PassingSctpRows(), std::back_inserter(rows));
  for (const Row& row : rows) {
    SCOPED_TRACE(row.sentence);
    const Packet packet = row.hook == Hook::kIngress ? node_->Arriving(row.device, row.packet) : row.packet;
    const Fate fate = node_->Run(row.hook, row.device, packet);
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC");
    EXPECT_EQ(fate.bytes, ToBytes(packet)) << ToString(fate.packet);
    EXPECT_EQ(fate.reasons, row.reasons);
  }
}

TEST_F(GoldenVerdictsTest, AFrameForAnotherHostPassesUntouched) {
  Start();
  const Mac router = {2, 0, 0, 0, 1, 1};
  for (const Mac& to : {Mac{2, 0, 0, 0, 9, 9}, Mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Mac{1, 0, 0x5e, 0, 0, 1}}) {
    const Packet packet = Tcp(kClient, "192.0.2.10:30081").Syn().Macs(router, to);
    const Fate fate = node_->Run(Hook::kIngress, "eth0", packet);
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC");
    EXPECT_EQ(fate.bytes, ToBytes(packet));
    EXPECT_EQ(fate.reasons, std::vector<std::string>{"other_host"});
  }
}

TEST_F(GoldenVerdictsTest, WhatIsNoIpPassesUntouched) {
  Start();
  Bytes arp = ToBytes(Udp(kClient, "192.0.2.10:30081").Payload(30));
  arp[12] = 0x08;
  arp[13] = 0x06;
  Bytes wrong_version = ToBytes(Udp(kClient, "192.0.2.10:30081"));
  wrong_version[14] = 0x55;
  Bytes short_header = ToBytes(Udp(kClient, "192.0.2.10:30081"));
  short_header[14] = 0x44;
  for (const Bytes& bytes : {arp, wrong_version, short_header}) {
    const Fate fate = node_->Run(Hook::kIngress, "eth0", bytes);
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC");
    EXPECT_EQ(fate.bytes, bytes);
    EXPECT_TRUE(fate.reasons.empty());
  }
}

Packet Extended(Packet packet, int headers, size_t bytes) {
  for (int i = 0; i < headers; ++i) packet.Extension(kDestinationOptions, bytes);
  return packet;
}

std::vector<Row> DroppedRows() {
  return {
      {"a packet within an unknown connection to a load balancer's address",
       "eth0",
       Tcp(kClient, "203.0.113.1:80").Ack(),
       {"no_flow"}},
      {"the end of an unknown connection to a ClusterIP", "pod1", Tcp(kPod, "10.96.0.1:80").Fin(), {"no_flow"}},
      {"the same by IPv6", "pod1", Tcp(kPod6, "[fd00:96::1]:80").Fin(), {"no_flow"}},
      {"an answer to a connection that no client began", "eth0", Tcp(kClient, "203.0.113.1:80").SynAck(), {"no_flow"}},
      {"a packet within an unknown association to a load balancer's address",
       "eth0",
       Sctp(kClient, "203.0.113.1:80").Chunk(kSctpData, 40),
       {"no_flow"}},
      {"the answer to an association that no client began",
       "eth0",
       Sctp(kClient6, "[2001:db8:2::1]:80").InitAck(),
       {"no_flow"}},
      {"the end of an unknown association to a ClusterIP",
       "pod1",
       Sctp(kPod, "10.96.0.1:80").ShutdownComplete(),
       {"no_flow"}},
      {"an association with a NodePort under a Local policy on a node without an endpoint",
       "eth0",
       Sctp(kClient, "192.0.2.10:30083").Init(),
       {"local_miss"}},
      {"a NodePort under a Local policy on a node without an endpoint",
       "eth0",
       Tcp(kClient, "192.0.2.10:30083").Syn(),
       {"local_miss"}},
      {"the same by UDP", "eth0", Udp(kClient, "192.0.2.10:30083").Payload(9), {"local_miss"}},
      {"the same by IPv6", "eth0", Tcp(kClient6, "[2001:db8::10]:30083").Syn(), {"local_miss"}},
      {"the same by the load balancer's address", "eth0", Udp(kClient6, "[2001:db8:2::3]:80"), {"local_miss"}},
      {"a ClusterIP under a Local policy on a node without an endpoint",
       "pod1",
       Tcp(kPod, "10.96.0.4:80").Syn(),
       {"local_miss"}},
      {"the same by IPv6 and UDP", "pod1", Udp(kPod6, "[fd00:96::4]:80"), {"local_miss"}},
      {"a connection from an address of this node",
       "eth0",
       Tcp("192.0.2.10:7", "203.0.113.1:80").Syn(),
       {"martian_source"}},
      {"the same by IPv6", "eth0", Tcp("[2001:db8::10]:7", "[2001:db8:2::1]:80").Syn(), {"martian_source"}},
      {"the same by a pod", "pod1", Udp("10.244.1.65:7", "10.96.0.1:80"), {"martian_source"}},
      {"a datagram from a loopback address", "eth0", Udp("127.0.0.1:7", "192.0.2.10:30081"), {"martian_source"}},
      {"a datagram from no address", "eth0", Udp("[::]:7", "[2001:db8::10]:30081"), {"martian_source"}},
      {"a datagram from a group's address", "eth0", Udp("224.0.0.1:7", "192.0.2.10:30081"), {"martian_source"}},
      {"a pod that uses another's address", "pod1", Udp("10.244.1.3:7", "10.96.0.1:80"), {"spoofed_source"}},
      {"the same by IPv6", "pod1", Tcp("[fd00:244:1::3]:7", "[fd00:96::1]:80").Syn(), {"spoofed_source"}},
      {"a pod that uses that of a client outside", "pod1", Udp(kClient, "192.0.2.10:30081"), {"spoofed_source"}},
      {"a pod that uses that of another node's pod", "pod1", Udp("10.244.2.9:7", "10.96.0.1:80"), {"spoofed_source"}},
      {"a pod behind a bridge that uses one of another device",
       "br1",
       Udp("10.244.1.2:7", "10.96.0.1:80"),
       {"spoofed_source"}},
  };
}

std::vector<Row> OpaqueRows() {
  return {
      {"a first fragment of SCTP to a NodePort",
       "eth0",
       Sctp(kClient, "192.0.2.10:30081").Chunk(1, 100).Part(0, true).Checksum(7),
       {"opaque_headers"}},
      {"the same by IPv6 to a load balancer's address",
       "eth0",
       Sctp(kClient6, "[2001:db8:2::1]:80").Chunk(1, 100).Part(0, true).Checksum(7),
       {"opaque_headers"}},
      {"a NodePort behind more IPv6 headers than are followed",
       "eth0",
       Extended(Tcp(kClient6, "[2001:db8::10]:30081").Syn(), 7, 8),
       {"opaque_headers"}},
      {"a NodePort behind IPv6 headers of more than 511 bytes",
       "eth0",
       Extended(Tcp(kClient6, "[2001:db8::10]:30081").Syn(), 1, 512),
       {"opaque_headers"}},
  };
}

TEST_F(GoldenVerdictsTest, WhatNoAnswerMustGoToIsDroppedInSilence) {
  Start();
  std::vector<Row> rows = DroppedRows();
  for (const Row& row : OpaqueRows()) rows.push_back(row);
  for (const Row& row : rows) {
    SCOPED_TRACE(row.sentence);
    const Fate fate = node_->Run(row.hook, row.device, node_->Arriving(row.device, row.packet));
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_SHOT");
    EXPECT_EQ(fate.reasons, row.reasons);
  }
}

// kube-proxy's conntrack entries outlive it. The node's clock of the packet path says until when that matters.
TEST_F(GoldenVerdictsTest, AConnectionOfTheProxyBeforeIsLeftToItForADay) {
  constexpr uint64_t kDay = uint64_t{SHUNT_OTHERS_S} * 250;  // jiffies
  constexpr uint64_t kMinute = 60 * 250;
  Start();
  PacketPrograms& programs = node_->programs();
  const Packet syn = node_->Arriving("eth0", Tcp(kClient, "192.0.2.10:30081").Syn());
  ASSERT_TRUE(programs.SetTranslatingSince(0).ok());
  ASSERT_EQ(VerdictName(node_->Run(Hook::kIngress, "eth0", syn).verdict), "TC_ACT_UNSPEC");
  const uint64_t now = *programs.TranslatingSince();
  ASSERT_GT(now, kDay + kMinute) << "the first new flow begins the day";
  struct Age {
    const char* sentence;
    uint64_t since;
    const char* verdict;
  };
  for (const Age& age : {Age{"no flow has begun yet", 0, "TC_ACT_UNSPEC"}, Age{"the first one", now, "TC_ACT_UNSPEC"},
                         Age{"a day less a minute ago", now - kDay + kMinute, "TC_ACT_UNSPEC"},
                         Age{"a day ago", now - kDay, "TC_ACT_SHOT"}}) {
    for (const Row& row : DroppedRows()) {
      if (row.reasons != std::vector<std::string>{"no_flow"}) continue;
      SCOPED_TRACE(absl::StrCat(age.sentence, ": ", row.sentence));
      ASSERT_TRUE(programs.SetTranslatingSince(age.since).ok());
      const Packet packet = node_->Arriving(row.device, row.packet);
      const Fate fate = node_->Run(row.hook, row.device, packet);
      EXPECT_EQ(VerdictName(fate.verdict), age.verdict);
      EXPECT_EQ(fate.bytes, ToBytes(packet));
      EXPECT_EQ(fate.reasons, row.reasons);
    }
  }
  ASSERT_EQ(VerdictName(node_->Run(Hook::kIngress, "eth0", syn).verdict), "TC_ACT_UNSPEC");
  EXPECT_EQ(*programs.TranslatingSince(), now - kDay) << "the day is not begun again";
}

TEST_F(GoldenVerdictsTest, WhileItOnlyObservesTheDayDoesNotBegin) {
  Start({.observe = true});
  const Packet syn = node_->Arriving("eth0", Tcp(kClient, "192.0.2.10:30081").Syn());
  EXPECT_EQ(VerdictName(node_->Run(Hook::kIngress, "eth0", syn).verdict), "TC_ACT_UNSPEC");
  EXPECT_EQ(*node_->programs().TranslatingSince(), 0u);
}

// An answer leaves for the neighbour from which the packet came.
Packet Answering(const Packet& asked, Packet answer) {
  return answer.Macs(asked.link->destination, asked.link->source).DontFragment();
}

Packet ResetOf(const Packet& asked, const std::string& client, const std::string& frontend) {
  Packet reset = Tcp(frontend, client).Flags(TcpHeader::kRst | TcpHeader::kAck).Sequence(0).Window(0);
  reset.Acknowledgement(asked.tcp.sequence + 1);
  return Answering(asked, reset);
}

Packet UnreachableOf(const Packet& asked) {
  const Packet error = PortUnreachable(asked.destination.ToString(), asked.source.ToString()).QuotingWords(asked);
  return Answering(asked, error);
}

struct RefusedRow {
  const char* sentence;
  const char* device;
  const char* client;
  const char* frontend;
  const char* reason;
};

TEST_F(GoldenVerdictsTest, ARefusalIsWhatAHostWithoutAListenerAnswers) {
  Start();
  const RefusedRow rows[] = {
      {"a NodePort without endpoints", "eth0", kClient, "192.0.2.10:30082", "no_endpoints"},
      {"the same by IPv6", "eth0", kClient6, "[2001:db8::10]:30082", "no_endpoints"},
      {"a load balancer's address without endpoints", "eth0", kClient, "203.0.113.2:80", "no_endpoints"},
      {"the same by IPv6", "eth0", kClient6, "[2001:db8:2::2]:80", "no_endpoints"},
      {"a ClusterIP without endpoints", "pod1", kPod, "10.96.0.2:80", "no_endpoints"},
      {"the same by IPv6", "pod1", kPod6, "[fd00:96::2]:80", "no_endpoints"},
      {"a port of a ClusterIP that is no service's", "pod1", kPod, "10.96.0.1:81", "unused_port"},
      {"the same by IPv6", "pod1", kPod6, "[fd00:96::1]:81", "unused_port"},
  };
  for (const RefusedRow& row : rows) {
    SCOPED_TRACE(row.sentence);
    const std::vector<std::string> reasons = {row.reason};
    for (const size_t bytes : {0, 1, 7, 33, 512, 1400}) {
      SCOPED_TRACE(absl::StrCat(bytes, " bytes"));
      const Packet datagram = node_->Arriving(row.device, Udp(row.client, row.frontend).Payload(bytes));
      Fate fate = node_->Run(Hook::kIngress, row.device, datagram);
      EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT");
      EXPECT_EQ(Mismatch(UnreachableOf(datagram), fate.bytes), "");
      EXPECT_EQ(fate.reasons, reasons);
    }
    for (const size_t bytes : {16, 60, 1400}) {
      SCOPED_TRACE(absl::StrCat("an INIT of ", bytes, " bytes"));
      const Packet init =
          node_->Arriving(row.device, Sctp(row.client, row.frontend).SctpTag(0).Chunk(kSctpInit, bytes));
      const Fate fate = node_->Run(Hook::kIngress, row.device, init);
      EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT");
      EXPECT_EQ(Mismatch(UnreachableOf(init), fate.bytes), "");
      EXPECT_EQ(fate.reasons, reasons);
    }
    for (const size_t options : {0, 4, 20, 40}) {
      SCOPED_TRACE(absl::StrCat(options, " bytes of TCP options"));
      const Packet syn =
          node_->Arriving(row.device, Tcp(row.client, row.frontend).Syn().Sequence(0xfffffffe).TcpOptions(options));
      const Fate fate = node_->Run(Hook::kIngress, row.device, syn);
      EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT");
      EXPECT_EQ(Mismatch(ResetOf(syn, row.client, row.frontend), fate.bytes), "");
      EXPECT_EQ(fate.reasons, reasons);
    }
  }
}

TEST_F(GoldenVerdictsTest, NoAnswerGoesToAnAddressThatIsNoHosts) {
  Start();
  for (const char* from : {"0.0.0.0:7", "127.0.0.1:7", "224.0.0.1:7", "255.255.255.255:7"}) {
    SCOPED_TRACE(from);
    const Fate fate =
        node_->Run(Hook::kIngress, "eth0", node_->Arriving("eth0", Udp(from, "192.0.2.10:30082").Payload(3)));
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_SHOT");
  }
  for (const char* from : {"[::]:7", "[::1]:7", "[ff02::1]:7"}) {
    SCOPED_TRACE(from);
    const Fate fate =
        node_->Run(Hook::kIngress, "eth0", node_->Arriving("eth0", Udp(from, "[2001:db8::10]:30082").Payload(3)));
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_SHOT");
  }
}

// Some networks give their hosts and pods addresses of 240.0.0.0/4.
TEST_F(GoldenVerdictsTest, AReservedAddressIsAHosts) {
  Start();
  const Packet asked = node_->Arriving("eth0", Udp("240.0.0.7:7", "192.0.2.10:30082").Payload(3));
  const Fate refused = node_->Run(Hook::kIngress, "eth0", asked);
  EXPECT_EQ(VerdictName(refused.verdict), "TC_ACT_REDIRECT");
  EXPECT_EQ(Mismatch(UnreachableOf(asked), refused.bytes), "");
  const Packet packet = node_->Arriving("eth0", Udp("240.0.0.7:7", "192.0.2.10:30081").Payload(3));
  EXPECT_EQ(Mismatch(packet.To("10.244.1.2:8080"), node_->Run(Hook::kIngress, "eth0", packet).bytes), "");
}

TEST_F(GoldenVerdictsTest, AnObserverChangesNothing) {
  Start({.observe = true});
  for (const Packet& packet : {Tcp(kClient, "192.0.2.10:30081").Syn(), Udp(kClient, "203.0.113.1:80"),
                               Tcp(kClient6, "[2001:db8::10]:30082").Syn(), Udp(kClient, "192.0.2.10:30083"),
                               Tcp(kClient, "203.0.113.1:80").Ack(), Sctp(kClient, "192.0.2.10:30081").Init(),
                               Sctp(kClient6, "[2001:db8::10]:30082").Init()}) {
    const Packet arriving = node_->Arriving("eth0", packet);
    const Fate fate = node_->Run(Hook::kIngress, "eth0", arriving);
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC") << ToString(packet);
    EXPECT_EQ(fate.bytes, ToBytes(arriving)) << ToString(packet);
  }
}

TEST_F(GoldenVerdictsTest, ClientsOutsideMayBeLetToClusterIps) {
  Start({.external_cluster_ip = true});
  const Packet packet = node_->Arriving("eth0", Tcp(kClient, "10.96.0.1:80").Syn());
  const Fate fate = node_->Run(Hook::kIngress, "eth0", packet);
  EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC");
  EXPECT_EQ(Mismatch(packet.To("10.244.1.2:8080"), fate.bytes), "");
}

// Wherever a packet ends, it is left alone, dropped, or translated where its headers are complete; it is never longer.
TEST_F(GoldenVerdictsTest, APacketThatEndsEarlyIsNeverHalfTranslated) {
  Start();
  const Packet packets[] = {
      Tcp(kClient, "192.0.2.10:30081").Syn().TcpOptions(20).Payload(8),
      Udp(kClient, "192.0.2.10:30081").Payload(8),
      Tcp(kClient, "203.0.113.1:80").Syn().IpOptions(40).Payload(8),
      Tcp(kClient6, "[2001:db8::10]:30081").Syn().Payload(8),
      Udp(kClient6, "[2001:db8:2::1]:80").Payload(8).Extension(kHopByHop, 16).Extension(kDestinationOptions, 24),
      Sctp(kClient, "192.0.2.10:30081").Init().Chunk(kSctpData, 40),
      Sctp(kClient6, "[2001:db8:2::1]:80").Init().Extension(kDestinationOptions, 24),
      Udp(kClient, "192.0.2.10:30082").Payload(64),
      Tcp(kClient6, "[2001:db8::10]:30082").Syn().Payload(64),
      TooBig("192.0.2.1", "192.0.2.10", 1400).Quoting(Tcp("192.0.2.10:50000", "10.244.2.7:8080").Ack().Payload(60)),
      TooBig("2001:db8::1", "2001:db8::10", 1400)
          .Quoting(Udp("[2001:db8::10]:50000", "[fd00:244:2::7]:8080").Payload(60)),
  };
  int runs = 0;
  for (const Packet& packet : packets) {
    const Packet arriving = node_->Arriving("eth0", packet);
    const Bytes whole = ToBytes(arriving);
    const size_t payload = whole.size() - packet.payload.size();
    for (const Bytes& prefix : Prefixes(whole)) {
      SCOPED_TRACE(absl::StrCat(prefix.size(), " bytes of ", ToString(packet)));
      const absl::StatusOr<Fate> run = node_->TryRun(Hook::kIngress, "eth0", prefix);
      if (!run.ok()) {  // kernels since 6.18 give a program no less than the IP header
        ASSERT_LT(prefix.size(), 14u + (packet.IsV4() ? 20 : 40)) << run.status();
        continue;
      }
      const Fate& fate = *run;
      ++runs;
      if (fate.verdict == 2 || fate.bytes == prefix) continue;
      EXPECT_GE(prefix.size(), payload - packet.tcp.options.size());
      EXPECT_LE(fate.bytes.size(), whole.size() + 48);
      EXPECT_GT(fate.bytes.size(), 14u);
      ASSERT_TRUE(node_->programs().ForgetFlows().ok());
    }
  }
  EXPECT_GT(runs, 400);
}

}  // namespace
}  // namespace shunt::packets
