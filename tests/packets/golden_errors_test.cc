// SPDX-License-Identifier: Apache-2.0
// Golden ICMP errors: about packets of every kind of flow, in both directions, by all who may send one. A row is a
// sentence; each is many errors through the real programs, of every kind and with more and less that is quoted.
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/packet_abi.h"
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

constexpr Address kFarRouter = {"100.64.1.9", "2001:db8:9::9"};

// Services 1 to 3: 10.96.0.N, 203.0.113.N, 3008N, and their like in IPv6. Each has one endpoint, at port 8080.
constexpr Address kOnPod1 = {"203.0.113.1", "2001:db8:2::1"};
constexpr Address kOnB = {"203.0.113.2", "2001:db8:2::2"};
constexpr Address kOnBridged2 = {"10.96.0.3", "fd00:96::3"};
constexpr Address kInsideOnPod1 = {"10.96.0.1", "fd00:96::1"};
constexpr Address kInsideOnB = {"10.96.0.2", "fd00:96::2"};

struct Path {
  const char* client_device;
  Address client;
  Address frontend;
  Address backend;
};

constexpr Path kThroughStack = {"eth0", kClient, kOnPod1, kPod1};
constexpr Path kBorrowing = {"eth0", kClient, kOnB, kPodOfB};
constexpr Path kOfOnePod = {"pod2", kPod2, kInsideOnPod1, kPod1};
constexpr Path kOfAPodToB = {"pod1", kPod1, kInsideOnB, kPodOfB};
constexpr Path kToItself = {"pod1", kPod1, kInsideOnPod1, kPod1};
constexpr Path kOnOneBridge = {"br1", kBridged1, kOnBridged2, kBridged2};

enum class About { kRequest, kReply };

// What becomes of an error.
struct Becomes {
  enum How { kUntouched, kTranslated, kSent } how = kUntouched;
  Address source = {};           // of the error
  const char* device = nullptr;  // of kSent: whose link-layer address it leaves with, and the next hop
  Address neighbour = {};
};

struct Row {
  const char* sentence;
  Path path;
  About about;
  Address sender;
  Hook hook;
  const char* device;
  Becomes becomes;
};

const Row kRows[] = {
    {"a pod's error about a request stays as it is until it leaves for the client",
     kThroughStack,
     About::kRequest,
     kPod1,
     Hook::kIngress,
     "pod1",
     {}},
    {"a pod's error about a request leaves as the frontend's",
     kThroughStack,
     About::kRequest,
     kPod1,
     Hook::kEgress,
     "eth0",
     {Becomes::kTranslated, kOnPod1}},
    {"the node's own error about a request leaves as the frontend's",
     kThroughStack,
     About::kRequest,
     kNodeA,
     Hook::kEgress,
     "eth0",
     {Becomes::kTranslated, kOnPod1}},
    {"the client's error about a reply goes to the pod through the stack",
     kThroughStack,
     About::kReply,
     kClient,
     Hook::kIngress,
     "eth0",
     {Becomes::kTranslated, kClient}},
    {"a router's error about a reply keeps its address towards a pod that knows the client",
     kThroughStack,
     About::kReply,
     kFarRouter,
     Hook::kIngress,
     "eth0",
     {Becomes::kTranslated, kFarRouter}},
    {"a router's error about a reply may come by another device",
     kThroughStack,
     About::kReply,
     kFarRouter,
     Hook::kIngress,
     "eth1",
     {Becomes::kTranslated, kFarRouter}},
    {"an error of node B's pod about a request goes to the client as the frontend's",
     kBorrowing,
     About::kRequest,
     kPodOfB,
     Hook::kIngress,
     "flannel.1",
     {Becomes::kSent, kOnB, "eth0", kRouter}},
    {"so does node B's own",
     kBorrowing,
     About::kRequest,
     kOverlayB,
     Hook::kIngress,
     "flannel.1",
     {Becomes::kSent, kOnB, "eth0", kRouter}},
    {"an error about a borrowed source is never the egress program's",
     kBorrowing,
     About::kRequest,
     kPodOfB,
     Hook::kEgress,
     "eth0",
     {}},
    {"the client's error about a reply goes to node B's pod from the overlay's address",
     kBorrowing,
     About::kReply,
     kClient,
     Hook::kIngress,
     "eth0",
     {Becomes::kSent, kOverlay, "flannel.1", kOverlayB}},
    {"so does a router's",
     kBorrowing,
     About::kReply,
     kFarRouter,
     Hook::kIngress,
     "eth0",
     {Becomes::kSent, kOverlay, "flannel.1", kOverlayB}},
    {"so it does by another device",
     kBorrowing,
     About::kReply,
     kFarRouter,
     Hook::kIngress,
     "eth1",
     {Becomes::kSent, kOverlay, "flannel.1", kOverlayB}},
    {"a pod gets another pod's error as the frontend's",
     kOfOnePod,
     About::kRequest,
     kPod1,
     Hook::kEgress,
     "pod2",
     {Becomes::kTranslated, kInsideOnPod1}},
    {"a pod's error about a reply goes to the other pod through the stack",
     kOfOnePod,
     About::kReply,
     kPod2,
     Hook::kIngress,
     "pod2",
     {Becomes::kTranslated, kPod2}},
    {"a pod gets an error of node B as the frontend's",
     kOfAPodToB,
     About::kRequest,
     kOverlayB,
     Hook::kEgress,
     "pod1",
     {Becomes::kTranslated, kInsideOnB}},
    {"which is not touched where it comes in", kOfAPodToB, About::kRequest, kOverlayB, Hook::kIngress, "flannel.1", {}},
    {"a pod that is its own backend gets its error as the frontend's",
     kToItself,
     About::kRequest,
     kPod1,
     Hook::kIngress,
     "pod1",
     {Becomes::kSent, kInsideOnPod1, "pod1", kPod1}},
    {"and its error about a reply from the source that it borrows",
     kToItself,
     About::kReply,
     kPod1,
     Hook::kIngress,
     "pod1",
     {Becomes::kSent, kNodeA, "pod1", kPod1}},
    {"an error about a request goes from one port of the bridge to the other",
     kOnOneBridge,
     About::kRequest,
     kBridged2,
     Hook::kIngress,
     "br2",
     {Becomes::kSent, kOnBridged2, "cni0", kBridged1}},
    {"and so does one about a reply",
     kOnOneBridge,
     About::kReply,
     kBridged1,
     Hook::kIngress,
     "br1",
     {Becomes::kSent, kBridged1, "cni0", kBridged2}},
    {"what comes by a device without a program is translated where it leaves",
     kOnOneBridge,
     About::kRequest,
     kBridged2,
     Hook::kEgress,
     "br1",
     {Becomes::kTranslated, kOnBridged2}},
};

struct Kind {
  uint8_t type;
  uint8_t code;
  uint32_t rest;
};

constexpr Kind kKindsV4[] = {{3, 0, 0},  {3, 1, 0},  {3, 3, 0},  {3, 4, 1400},
                             {3, 13, 0}, {11, 0, 0}, {11, 1, 0}, {12, 0, 20u << 24}};
constexpr Kind kKindsV6[] = {{1, 0, 0}, {1, 4, 0}, {2, 0, 1280}, {3, 0, 0}, {3, 1, 0}, {4, 1, 40}};

class GoldenErrorsTest : public datapath::SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto made = PacketNode::Create(bpffs_, cgroup_);
    ASSERT_TRUE(made.ok()) << made.status();
    node_ = *std::move(made);
    const std::pair<Address, const char*> endpoints[] = {{kPod1, "here"}, {kPodOfB, "b"}, {kBridged2, "here"}};
    std::vector<ServiceStory> stories;
    std::vector<std::string> backends;
    for (int n = 1; n <= 3; ++n) {
      ServiceStory story(absl::StrCat("s", n));
      const auto& [address, node] = endpoints[n - 1];
      story.ClusterIp(absl::StrCat("10.96.0.", n)).ClusterIp(absl::StrCat("fd00:96::", n));
      story.LoadBalancerIp(absl::StrCat("203.0.113.", n)).LoadBalancerIp(absl::StrCat("2001:db8:2::", n));
      for (const bool is_v4 : {true, false}) {
        story.Endpoint({.address = address.Of(is_v4), .node = node});
        backends.push_back(address.At(is_v4, 8080));
      }
      story.Port(80, model::Protocol::kTcp, 8080).Port(80, model::Protocol::kUdp, 8080);
      story.Port(80, model::Protocol::kSctp, 8080);
      stories.push_back(story);
    }
    const absl::Status serving = node_->programs().Serve(stories, backends);
    ASSERT_TRUE(serving.ok()) << serving;
  }

  void TearDown() override {
    node_.reset();
    SandboxTest::TearDown();
  }

  // A flow that has begun, by the ends of its two directions.
  struct Begun {
    std::string client, frontend, source, backend;
    uint8_t protocol = 0;

    Packet Make(const std::string& from, const std::string& to) const {
      if (protocol == kSctp) return Sctp(from, to).Chunk(0);  // DATA
      return protocol == kTcp ? Tcp(from, to).Ack().Sequence(0x89abcdef) : Udp(from, to);
    }
    // The packet that an error quotes, and what it was when it left its sender.
    Packet Quoted(About about) const {
      return about == About::kRequest ? Make(source, backend) : Make(frontend, client);
    }
    Packet Original(About about) const {
      return about == About::kRequest ? Make(client, frontend) : Make(backend, source);
    }
  };

  Begun Begin(const Path& path, bool is_v4, uint8_t protocol) {
    Begun flow = {.client = path.client.At(is_v4, 40000),
                  .frontend = path.frontend.At(is_v4, 80),
                  .backend = path.backend.At(is_v4, 8080),
                  .protocol = protocol};
    Packet first = flow.Make(flow.client, flow.frontend);
    if (protocol == kTcp) first.Flags(TcpHeader::kSyn);
    if (protocol == kSctp) first = Sctp(flow.client, flow.frontend).Init();
    const Fate fate = node_->Run(Hook::kIngress, path.client_device, node_->Arriving(path.client_device, first));
    EXPECT_NE(VerdictName(fate.verdict), "TC_ACT_SHOT") << testing::PrintToString(fate.reasons);
    flow.source = fate.packet.source.ToStringWithPort(fate.packet.source_port);
    return flow;
  }

  Packet Arriving(const Row& row, const Packet& packet) const {
    return row.hook == Hook::kEgress ? packet : node_->Arriving(row.device, packet);
  }

  // What an error becomes that quotes so much of one packet, when that is another and the error has other ends.
  Packet Translated(const Row& row, const Packet& arriving, const Packet& original, size_t bytes) const {
    const bool is_v4 = arriving.IsV4();
    if (row.becomes.how == Becomes::kUntouched) return arriving;
    Packet packet = arriving.From(row.becomes.source.Of(is_v4)).To(original.source.ToString()).Quoting(original, bytes);
    if (row.becomes.how == Becomes::kTranslated) return packet;
    return node_->Leaving(row.becomes.device, row.becomes.neighbour.Of(is_v4), packet.Ttl(packet.ttl - 1));
  }

  void Check(const Row& row, Packet error, const Packet& quoted, const Packet& original, size_t bytes) {
    SCOPED_TRACE(ToString(error.Quoting(quoted, bytes)));
    const Packet arriving = Arriving(row, error);
    const Fate fate = node_->Run(row.hook, row.device, arriving);
    ASSERT_EQ(VerdictName(fate.verdict), row.becomes.how == Becomes::kSent ? "TC_ACT_REDIRECT" : "TC_ACT_UNSPEC")
        << testing::PrintToString(fate.reasons);
    ASSERT_EQ(Mismatch(Translated(row, arriving, original, bytes), fate.bytes), "");
    ++checked_;
  }

  void CheckRow(const Row& row, bool is_v4, uint8_t protocol);

  std::unique_ptr<PacketNode> node_;
  int checked_ = 0;
};

// Every kind, and then one kind in every shape.
void GoldenErrorsTest::CheckRow(const Row& row, bool is_v4, uint8_t protocol) {
  const Begun flow = Begin(row.path, is_v4, protocol);
  const auto sized = [&](Packet packet) { return packet.Payload(700).Ttl(3).TrafficClass(0x1c); };
  const Packet quoted = sized(flow.Quoted(row.about)), original = sized(flow.Original(row.about));
  const std::string to = quoted.source.ToString();
  const auto error = [&](const Kind& kind) {
    return Icmp(row.sender.Of(is_v4), to, kind.type, kind.code, kind.rest).Ttl(61);
  };
  const size_t l4 = is_v4 ? 20 : 40;
  const auto kinds = is_v4 ? std::vector<Kind>(std::begin(kKindsV4), std::end(kKindsV4))
                           : std::vector<Kind>(std::begin(kKindsV6), std::end(kKindsV6));
  for (const Kind& kind : kinds) Check(row, error(kind), quoted, original, l4 + 8);
  const Packet plain = error(kinds[2]);
  for (const size_t of_l4 : {8, 16, 18, 19, 20, 64, 512, 1192}) Check(row, plain, quoted, original, l4 + of_l4);
  Check(row, Packet(plain).Padding(30), quoted, original, l4 + 8);  // which is no part of what is quoted
  if (is_v4) {
    Check(row, Packet(plain).IpOptions(40), quoted, original, 548);
    Check(row, plain, Packet(quoted).IpOptions(40), Packet(original).IpOptions(40), 548);
    Check(row, plain, Packet(quoted).IpOptions(4).DontFragment(), Packet(original).IpOptions(4).DontFragment(),
          l4 + 12);
    if (protocol == kUdp) Check(row, plain, Packet(quoted).NoChecksum(), Packet(original).NoChecksum(), 548);
  } else {
    Check(row, Packet(plain).Extension(kDestinationOptions, 16), quoted, original, 548);
  }
}

TEST_F(GoldenErrorsTest, EveryErrorAboutAFlowGoesTheFlowsWay) {
  for (const Row& row : kRows) {
    for (const bool is_v4 : {true, false}) {
      ASSERT_TRUE(node_->programs().ForgetFlows().ok());
      for (const uint8_t protocol : {kTcp, kUdp, kSctp}) {
        SCOPED_TRACE(absl::StrCat(row.sentence, ", protocol ", protocol, " over ", is_v4 ? "IPv4" : "IPv6"));
        CheckRow(row, is_v4, protocol);
        if (HasFatalFailure()) return;
      }
    }
  }
  EXPECT_GT(checked_, 2100);
}

// Errors about other packets, messages that are no errors, and what cannot be read in full.
TEST_F(GoldenErrorsTest, WhatIsNoErrorAboutAFlowPassesUntouched) {
  for (const bool is_v4 : {true, false}) {
    const Begun flow = Begin(kBorrowing, is_v4, kUdp);
    const Packet quoted = flow.Quoted(About::kRequest).Payload(30);
    const std::string from = kPodOfB.Of(is_v4), to = kOverlay.Of(is_v4);
    const size_t l4 = is_v4 ? 20 : 40;
    const Packet error = PortUnreachable(from, to).Quoting(quoted);
    Packet of_its_own = quoted;
    ++of_its_own.source_port;
    Packet other_protocol = OtherProtocol(to, from, 47).Payload(30);
    const std::pair<const char*, Packet> rows[] = {
        {"an error about another flow", Packet(error).Quoting(of_its_own)},
        {"an error about a packet of another protocol", Packet(error).Quoting(other_protocol)},
        {"an error about an error", Packet(error).Quoting(error)},
        {"an error about a first fragment", Packet(error).Quoting(Packet(quoted).Part(0, true))},
        {"an error about a later fragment", Packet(error).Quoting(Packet(quoted).Part(64, false))},
        {"an error with seven bytes of the quoted transport", Packet(error).Quoting(quoted, l4 + 7)},
        {"an error with half an IP header", Packet(error).Quoting(quoted, l4 / 2)},
        {"an error without anything quoted", Packet(error).Quoting(quoted, 0)},
        {"an error to another host than the quoted packet's sender", error.To(kNodeA.Of(is_v4))},
        {"the first fragment of an error", Packet(error).Part(0, true)},
        {"an error with a VLAN's tag", Packet(error).Vlan(9)},
        {"a redirect", Icmp(from, to, is_v4 ? 5 : 137, 1).Quoting(quoted)},
        {"an echo request with such a body", EchoRequest(from, to).Quoting(quoted)},
        {"an echo reply with such a body", EchoReply(from, to).Quoting(quoted)},
        {is_v4 ? "a source quench" : "a neighbour's advertisement", Icmp(from, to, is_v4 ? 4 : 136, 0).Quoting(quoted)},
    };
    for (const auto& [sentence, packet] : rows) {
      SCOPED_TRACE(absl::StrCat(sentence, " over ", is_v4 ? "IPv4" : "IPv6"));
      Packet arriving = node_->Arriving("flannel.1", packet);
      arriving.link->vlan = packet.link->vlan;
      const Fate fate = node_->Run(Hook::kIngress, "flannel.1", arriving);
      EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC");
      EXPECT_EQ(fate.bytes, ToBytes(arriving));
      EXPECT_TRUE(fate.reasons.empty()) << testing::PrintToString(fate.reasons);
    }
    const Packet last = node_->Arriving("flannel.1", Packet(error).Ttl(1));
    EXPECT_EQ(VerdictName(node_->Run(Hook::kIngress, "flannel.1", last).verdict), "TC_ACT_SHOT");
  }
}

// Wherever an error ends, it is left alone, or what there is of it is as in the whole one.
TEST_F(GoldenErrorsTest, AnErrorThatEndsEarlyIsNeverHalfTranslated) {
  int untouched = 0, translated = 0;
  for (const bool is_v4 : {true, false}) {
    for (const uint8_t protocol : {kTcp, kUdp, kSctp}) {
      const Begun flow = Begin(kBorrowing, is_v4, protocol);
      Packet error =
          TooBig(kPodOfB.Of(is_v4), kOverlay.Of(is_v4), 1400).Quoting(flow.Quoted(About::kRequest).Payload(40));
      if (is_v4) error.IpOptions(8);
      if (!is_v4) error.Extension(kHopByHop, 16);
      const Bytes whole = ToBytes(node_->Arriving("flannel.1", error));
      const Bytes right = node_->Run(Hook::kIngress, "flannel.1", whole).bytes;
      ASSERT_NE(right, whole);
      for (const Bytes& prefix : Prefixes(whole)) {
        SCOPED_TRACE(absl::StrCat(prefix.size(), " bytes of ", ToString(error)));
        const absl::StatusOr<Fate> run = node_->TryRun(Hook::kIngress, "flannel.1", prefix);
        if (!run.ok()) continue;  // the kernel takes no such packet
        const bool is_untouched = run->bytes == prefix;
        EXPECT_TRUE(is_untouched || run->bytes == Bytes(right.begin(), right.begin() + prefix.size()));
        EXPECT_EQ(VerdictName(run->verdict), is_untouched ? "TC_ACT_UNSPEC" : "TC_ACT_REDIRECT");
        ++(is_untouched ? untouched : translated);
      }
    }
  }
  EXPECT_GT(untouched, 200);
  EXPECT_GT(translated, 100);
}

// Anybody may send an error: it must not keep a flow, nor end it.
TEST_F(GoldenErrorsTest, AnErrorLeavesTheFlowItself) {
  for (const Path& path : {kThroughStack, kBorrowing}) {
    for (const uint8_t protocol : {kTcp, kUdp, kSctp}) {
      ASSERT_TRUE(node_->programs().ForgetFlows().ok());
      const Begun flow = Begin(path, /*is_v4=*/true, protocol);
      const uint32_t long_ago = node_->programs().Flows().at(0).last_use - 10'000;
      ASSERT_TRUE(node_->programs().SetLastUse(long_ago).ok());
      const uint32_t state = node_->programs().Flows().at(0).state;
      const std::string source = flow.Quoted(About::kRequest).source.ToString();
      const bool is_sent = flow.source != flow.client;
      for (const uint8_t code : {1, 3}) {
        Packet error = Icmp(kClient.v4, path.frontend.v4, 3, code).Quoting(flow.Quoted(About::kReply).Payload(9));
        error = node_->Arriving("eth0", error);
        EXPECT_NE(node_->Run(Hook::kIngress, "eth0", error).bytes, ToBytes(error));
        error = Icmp(path.backend.v4, source, 3, code).Quoting(flow.Quoted(About::kRequest).Payload(9));
        if (is_sent) error = node_->Arriving("flannel.1", error);
        EXPECT_NE(node_->Run(is_sent ? Hook::kIngress : Hook::kEgress, is_sent ? "flannel.1" : "eth0", error).bytes,
                  ToBytes(error));
      }
      ASSERT_EQ(node_->programs().Flows().size(), 1u);
      EXPECT_EQ(node_->programs().Flows()[0].last_use, long_ago);
      EXPECT_EQ(node_->programs().Flows()[0].state, state);
      // A packet of the flow itself is what keeps it.
      node_->Run(Hook::kIngress, "eth0", node_->Arriving("eth0", flow.Make(flow.client, flow.frontend)));
      EXPECT_NE(node_->programs().Flows()[0].last_use, long_ago);
    }
  }
}

}  // namespace
}  // namespace shunt::packets
