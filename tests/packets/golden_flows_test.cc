// SPDX-License-Identifier: Apache-2.0
// Golden packets of flows: every kind of flow, by both protocols and families and in several shapes, from the client to
// the backend and back. A row is a sentence; each is two packets through the real programs.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/packets/node_addresses.h"
#include "tests/packets/packet.h"
#include "tests/packets/packet_node.h"
#include "tests/packets/parse.h"
#include "tests/packets/test_run.h"
#include "tests/sandbox/service_story.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::packets {
namespace {

using sandbox::ServiceStory;

constexpr uint16_t kClientPort = 40000;
constexpr uint16_t kTargetPort = 8080;

// A Service with one endpoint, so that it is known who serves.
struct Served {
  const char* name;
  Address cluster_ip;
  Address load_balancer;
  uint16_t node_port;
  Address backend;
  const char* node;
};

constexpr Served kOnPod1 = {"on-pod1", {"10.96.0.1", "fd00:96::1"}, {"203.0.113.1", "2001:db8:2::1"}, 30081, kPod1,
                            "here"};
constexpr Served kOnPod2 = {"on-pod2", {"10.96.0.2", "fd00:96::2"}, {"203.0.113.2", "2001:db8:2::2"}, 30082, kPod2,
                            "here"};
constexpr Served kOnHost = {"on-host", {"10.96.0.3", "fd00:96::3"}, {"203.0.113.3", "2001:db8:2::3"}, 30083, kNodeA,
                            "here"};
constexpr Served kOnBridged1 = {
    "on-bridged1", {"10.96.0.4", "fd00:96::4"}, {"203.0.113.4", "2001:db8:2::4"}, 30084, kBridged1, "here"};
constexpr Served kOnBridged2 = {
    "on-bridged2", {"10.96.0.5", "fd00:96::5"}, {"203.0.113.5", "2001:db8:2::5"}, 30085, kBridged2, "here"};
constexpr Served kOnB = {"on-b", {"10.96.0.6", "fd00:96::6"}, {"203.0.113.6", "2001:db8:2::6"}, 30086, kPodOfB, "b"};
constexpr Served kOnHostB = {"on-host-b", {"10.96.0.7", "fd00:96::7"}, {"203.0.113.7", "2001:db8:2::7"}, 30087, kNodeB,
                             "b"};

enum class By { kClusterIp, kNodePort, kSecondNodePort, kLoadBalancer };

// What becomes of the request: in place and on through the stack, or sent past it.
struct Way {
  const char* device = nullptr;     // by which it is sent; null: through the stack
  Address neighbour = {};           // the next hop
  const Address* source = nullptr;  // whose port the client gets; null: it keeps its own address
};

struct Flow {
  const char* sentence;
  const char* client_device;
  Address client;
  Address client_hop;  // the neighbour from which its packets come
  const Served* served;
  By by;
  Way way;
  Hook reply_hook;
  const char* reply_device;
  // Replies go to the client's device, which has this link-layer address.
  const char* client_mac_device;
};

const Flow kFlows[] = {
    {"a NodePort leads to a pod of this node through the stack",
     "eth0",
     kClient,
     kRouter,
     &kOnPod1,
     By::kNodePort,
     {},
     Hook::kEgress,
     "eth0",
     nullptr},
    {"a load balancer's address leads to a pod of this node through the stack",
     "eth0",
     kClient,
     kRouter,
     &kOnPod1,
     By::kLoadBalancer,
     {},
     Hook::kEgress,
     "eth0",
     nullptr},
    {"a NodePort leads to a pod behind the bridge through the stack",
     "eth0",
     kClient,
     kRouter,
     &kOnBridged1,
     By::kNodePort,
     {},
     Hook::kEgress,
     "eth0",
     nullptr},
    {"a NodePort leads to a backend on the host itself",
     "eth0",
     kClient,
     kRouter,
     &kOnHost,
     By::kNodePort,
     {},
     Hook::kEgress,
     "eth0",
     nullptr},
    {"a load balancer's address leads to a backend on the host itself",
     "eth0",
     kClient,
     kRouter,
     &kOnHost,
     By::kLoadBalancer,
     {},
     Hook::kEgress,
     "eth0",
     nullptr},
    {"a NodePort leads to a pod of node B by the overlay, from the overlay's address",
     "eth0",
     kClient,
     kRouter,
     &kOnB,
     By::kNodePort,
     {"flannel.1", kOverlayB, &kOverlay},
     Hook::kIngress,
     "flannel.1",
     "eth0"},
    {"a load balancer's address leads to a pod of node B",
     "eth0",
     kClient,
     kRouter,
     &kOnB,
     By::kLoadBalancer,
     {"flannel.1", kOverlayB, &kOverlay},
     Hook::kIngress,
     "flannel.1",
     "eth0"},
    {"a NodePort leads to the host of node B by the device by which the client came",
     "eth0",
     kClient,
     kRouter,
     &kOnHostB,
     By::kNodePort,
     {"eth0", kNodeB, &kNodeA},
     Hook::kIngress,
     "eth0",
     "eth0"},
    {"a NodePort on the second uplink is answered by the second uplink",
     "eth1",
     kClient,
     kSecondRouter,
     &kOnB,
     By::kSecondNodePort,
     {"flannel.1", kOverlayB, &kOverlay},
     Hook::kIngress,
     "flannel.1",
     "eth1"},
    {"a pod reaches another pod of this node by a ClusterIP through the stack",
     "pod1",
     kPod1,
     kPod1,
     &kOnPod2,
     By::kClusterIp,
     {},
     Hook::kEgress,
     "pod1",
     nullptr},
    {"a pod reaches another pod of this node by a load balancer's address",
     "pod1",
     kPod1,
     kPod1,
     &kOnPod2,
     By::kLoadBalancer,
     {},
     Hook::kEgress,
     "pod1",
     nullptr},
    {"a pod reaches a pod of node B by a ClusterIP with its own address",
     "pod1",
     kPod1,
     kPod1,
     &kOnB,
     By::kClusterIp,
     {},
     Hook::kEgress,
     "pod1",
     nullptr},
    {"a pod reaches a pod of node B by a NodePort from the overlay's address",
     "pod1",
     kPod1,
     kPod1,
     &kOnB,
     By::kNodePort,
     {"flannel.1", kOverlayB, &kOverlay},
     Hook::kIngress,
     "flannel.1",
     "pod1"},
    {"a pod reaches itself by a ClusterIP from an address of the node",
     "pod1",
     kPod1,
     kPod1,
     &kOnPod1,
     By::kClusterIp,
     {"pod1", kPod1, &kNodeA},
     Hook::kIngress,
     "pod1",
     "pod1"},
    {"a pod behind the bridge reaches another one past the stack",
     "br1",
     kBridged1,
     kBridged1,
     &kOnBridged2,
     By::kClusterIp,
     {"cni0", kBridged2, nullptr},
     Hook::kIngress,
     "br2",
     "cni0"},
    {"a pod behind the bridge reaches itself from the bridge's address",
     "br1",
     kBridged1,
     kBridged1,
     &kOnBridged1,
     By::kClusterIp,
     {"cni0", kBridged1, &kBridge},
     Hook::kIngress,
     "br1",
     "cni0"},
    {"a pod behind the bridge reaches a routed pod through the stack",
     "br1",
     kBridged1,
     kBridged1,
     &kOnPod1,
     By::kClusterIp,
     {},
     Hook::kEgress,
     "br1",
     nullptr},
};

// How a packet looks beside its addresses and ports.
struct Shape {
  const char* name;
  std::function<Packet(Packet)> make;
  bool v4 = true;
  bool v6 = true;
  bool tcp = true;
  bool udp = true;
  bool sctp = true;

  bool Has(uint8_t protocol) const { return protocol == kTcp ? tcp : protocol == kUdp ? udp : sctp; }
};

std::vector<Shape> Shapes() {
  return {
      {"empty", [](Packet packet) { return packet; }},
      {"of one byte, padded", [](Packet packet) { return packet.Payload(1).Padding(3); }},
      {"of 1,000 bytes", [](Packet packet) { return packet.Payload(1000); }},
      // Above what every link carries, so the routes are asked for each packet.
      {"of 1,300 bytes", [](Packet packet) { return packet.Payload(1300); }},
      {"with a traffic class and a long way behind it",
       [](Packet packet) { return packet.Payload(33).TrafficClass(0xb9).Ttl(2); }},
      {"that must not be cut", [](Packet packet) { return packet.Payload(77).DontFragment().Id(0xabcd); }, true, false},
      {"with IP options", [](Packet packet) { return packet.Payload(20).IpOptions(8); }, true, false},
      {"with as many IP options as there can be", [](Packet packet) { return packet.Payload(9).IpOptions(40); }, true,
       false},
      {"with an extension header", [](Packet packet) { return packet.Payload(20).Extension(kDestinationOptions); },
       false, true},
      {"with two extension headers and a fragment header of a whole datagram",
       [](Packet packet) {
         return packet.Payload(20).Extension(kHopByHop, 16).Extension(kDestinationOptions, 8).Part(0, false).Id(7);
       },
       false, true},
      {"without a checksum", [](Packet packet) { return packet.Payload(50).NoChecksum(); }, true, false, false, true,
       false},
      {"with TCP options", [](Packet packet) { return packet.Payload(11).TcpOptions(40); }, true, true, true, false,
       false},
      {"whose checksum a device is to fill in", [](Packet packet) { return packet.Payload(300).Checksum(0); }, true,
       true, false, false, true},
  };
}

class GoldenFlowsTest : public datapath::SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto made = PacketNode::Create(bpffs_, cgroup_);
    ASSERT_TRUE(made.ok()) << made.status();
    node_ = *std::move(made);
    std::vector<ServiceStory> stories;
    std::vector<std::string> backends;
    for (const Served* served : {&kOnPod1, &kOnPod2, &kOnHost, &kOnBridged1, &kOnBridged2, &kOnB, &kOnHostB}) {
      ServiceStory story(served->name);
      story.LoadBalancerIp(served->load_balancer.v4).LoadBalancerIp(served->load_balancer.v6);
      for (const bool is_v4 : {true, false}) {
        story.ClusterIp(served->cluster_ip.Of(is_v4));
        story.Endpoint({.address = served->backend.Of(is_v4), .node = served->node});
        backends.push_back(served->backend.At(is_v4, kTargetPort));
      }
      for (const model::Protocol protocol : {model::Protocol::kTcp, model::Protocol::kUdp, model::Protocol::kSctp}) {
        story.Port(80, protocol, kTargetPort, served->node_port);
      }
      stories.push_back(story);
    }
    const absl::Status serving = node_->programs().Serve(stories, backends);
    ASSERT_TRUE(serving.ok()) << serving;
  }

  void TearDown() override {
    node_.reset();
    SandboxTest::TearDown();
  }

  std::unique_ptr<PacketNode> node_;
};

std::string FrontendOf(const Flow& flow, bool is_v4) {
  switch (flow.by) {
    case By::kClusterIp:
      return flow.served->cluster_ip.At(is_v4, 80);
    case By::kNodePort:
      return kNodeA.At(is_v4, flow.served->node_port);
    case By::kSecondNodePort:
      return kNodeASecond.At(is_v4, flow.served->node_port);
    default:
      return flow.served->load_balancer.At(is_v4, 80);
  }
}

// Returns the first packet of a client, or its answer.
Packet Opening(const Shape& shape, uint8_t protocol, const std::string& from, const std::string& to, bool is_answer) {
  if (protocol == kUdp) return shape.make(Udp(from, to));
  if (protocol == kTcp) {
    Packet packet = shape.make(Tcp(from, to).Syn());
    return is_answer ? packet.SynAck() : packet;
  }
  Packet packet = shape.make(Sctp(from, to));  // fills the first chunk
  const size_t bytes = packet.payload.size();
  packet.payload.clear();
  return packet.SctpTag(is_answer ? 0x5c7b : 0).Chunk(is_answer ? kSctpInitAck : kSctpInit, bytes);
}

// One flow, one shape: the request and the reply.
void CheckFlow(PacketNode& node, const Flow& flow, const Shape& shape, bool is_v4, uint8_t protocol) {
  // A port of its own: two flows of one client to one backend by two frontends would share the tuple of their replies.
  const auto port = static_cast<uint16_t>(kClientPort + (&flow - kFlows));
  const std::string client = flow.client.At(is_v4, port), frontend = FrontendOf(flow, is_v4);
  const std::string backend = flow.served->backend.At(is_v4, kTargetPort);
  const bool is_sent = flow.way.device != nullptr;
  const auto last_hop = [&](Packet packet) { return is_sent ? packet.Ttl(packet.ttl - 1) : packet; };

  const Packet request =
      node.Arriving(flow.client_device, Opening(shape, protocol, client, frontend, /*is_answer=*/false));
  const Fate there = node.Run(Hook::kIngress, flow.client_device, request);
  const std::string verdict = is_sent ? "TC_ACT_REDIRECT" : "TC_ACT_UNSPEC";
  ASSERT_EQ(VerdictName(there.verdict), verdict) << testing::PrintToString(there.reasons);
  std::string source = client;
  if (flow.way.source != nullptr) {
    EXPECT_GE(there.packet.source_port, 49152);
    source = flow.way.source->At(is_v4, there.packet.source_port);
  }
  Packet expected = last_hop(request.From(source).To(backend));
  if (is_sent) expected = node.Leaving(flow.way.device, flow.way.neighbour.Of(is_v4), expected);
  ASSERT_EQ(Mismatch(expected, there.bytes), "");

  const Packet answer = Opening(shape, protocol, backend, source, /*is_answer=*/true);
  // What leaves by a device has any addresses of the link layer.
  const Packet reply = flow.reply_hook == Hook::kEgress ? answer : node.Arriving(flow.reply_device, answer);
  const Fate back = node.Run(flow.reply_hook, flow.reply_device, reply);
  EXPECT_EQ(VerdictName(back.verdict), verdict) << testing::PrintToString(back.reasons);
  expected = last_hop(reply.From(frontend).To(client));
  if (is_sent) expected = node.Leaving(flow.client_mac_device, flow.client_hop.Of(is_v4), expected);
  EXPECT_EQ(Mismatch(expected, back.bytes), "");
}

TEST_F(GoldenFlowsTest, EveryKindOfFlowInEveryShapeGoesThereAndBack) {
  int rows = 0;
  for (const Shape& shape : Shapes()) {
    ASSERT_TRUE(node_->programs().ForgetFlows().ok());
    for (const Flow& flow : kFlows) {
      for (const bool is_v4 : {true, false}) {
        for (const uint8_t protocol : {kTcp, kUdp, kSctp}) {
          if (!(is_v4 ? shape.v4 : shape.v6) || !shape.Has(protocol)) continue;
          SCOPED_TRACE(absl::StrCat(flow.sentence, ", protocol ", protocol, " over ", is_v4 ? "IPv4" : "IPv6", ", ",
                                    shape.name));
          CheckFlow(*node_, flow, shape, is_v4, protocol);
          ++rows;
        }
      }
    }
  }
  EXPECT_GE(rows, 700);
}

// A flow keeps what it has: the same port at the node, for as long as it lives.
TEST_F(GoldenFlowsTest, LaterPacketsOfAFlowGoAsItsFirst) {
  for (const bool is_v4 : {true, false}) {
    const std::string client = kClient.At(is_v4, kClientPort), frontend = kNodeA.At(is_v4, kOnB.node_port);
    const Fate first = node_->Run(Hook::kIngress, "eth0", node_->Arriving("eth0", Tcp(client, frontend).Syn()));
    ASSERT_EQ(VerdictName(first.verdict), "TC_ACT_REDIRECT") << testing::PrintToString(first.reasons);
    const std::string source = kOverlay.At(is_v4, first.packet.source_port);
    const std::string backend = kPodOfB.At(is_v4, kTargetPort);
    for (const int flags : {TcpHeader::kAck | 0, TcpHeader::kAck | TcpHeader::kPsh, TcpHeader::kAck | TcpHeader::kUrg,
                            TcpHeader::kFin | TcpHeader::kAck, TcpHeader::kRst | 0}) {
      const Packet packet =
          node_->Arriving("eth0", Tcp(client, frontend).Flags(static_cast<uint8_t>(flags)).Payload(512));
      const Fate fate = node_->Run(Hook::kIngress, "eth0", packet);
      EXPECT_EQ(Mismatch(node_->Leaving("flannel.1", kOverlayB.Of(is_v4), packet.From(source).To(backend).Ttl(63)),
                         fate.bytes),
                "");
    }
  }
}

// The port at the node tells whether a packet belongs to the flow before it: a port rests after its flow.
TEST_F(GoldenFlowsTest, AnAssociationLastsUntilOneSideEndsIt) {
  uint16_t client_port = kClientPort;
  for (const bool is_v4 : {true, false}) {
    const std::string frontend = kNodeA.At(is_v4, kOnB.node_port), backend = kPodOfB.At(is_v4, kTargetPort);
    for (const bool client_ends : {true, false}) {
      for (const uint8_t end : {kSctpAbort, kSctpShutdownComplete}) {
        SCOPED_TRACE(absl::StrCat(is_v4 ? "IPv4" : "IPv6", client_ends ? ", client" : ", backend", ", chunk ", end));
        const std::string client = kClient.At(is_v4, ++client_port);
        const auto sent = [&](Packet packet) {
          const Fate fate = node_->Run(Hook::kIngress, "eth0", node_->Arriving("eth0", packet));
          EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT") << testing::PrintToString(fate.reasons);
          return fate.packet.source_port;
        };
        const uint16_t port = sent(Sctp(client, frontend).Init());
        const std::string source = kOverlay.At(is_v4, port);
        const auto answered = [&](const Packet& packet) {
          const Fate fate = node_->Run(Hook::kIngress, "flannel.1", node_->Arriving("flannel.1", packet));
          EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT") << testing::PrintToString(fate.reasons);
        };
        EXPECT_EQ(sent(Sctp(client, frontend).Init()), port) << "the same, sent again";
        answered(Sctp(backend, source).InitAck());
        EXPECT_EQ(sent(Sctp(client, frontend).Chunk(kSctpData, 1000)), port);
        EXPECT_EQ(sent(Sctp(client, frontend).Init()), port) << "the client has started again (RFC 9260, 5.2)";
        if (client_ends) {
          EXPECT_EQ(sent(Sctp(client, frontend).Chunk(end, 0)), port);
        } else {
          answered(Sctp(backend, source).Chunk(end, 0));
        }
        EXPECT_EQ(sent(Sctp(client, frontend).Chunk(kSctpData, 8)), port) << "what is still under way";
        EXPECT_NE(sent(Sctp(client, frontend).Init()), port) << "a new one";
      }
    }
  }
}

}  // namespace
}  // namespace shunt::packets
