// SPDX-License-Identifier: Apache-2.0
// Golden packets of what the node answers itself about flows past the stack: packets that are too big for their way or
// at their last hop. Each answer is compared byte by byte, with every checksum.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/packets/packet.h"
#include "tests/packets/packet_node.h"
#include "tests/packets/parse.h"
#include "tests/packets/test_run.h"
#include "tests/sandbox/devices.h"
#include "tests/sandbox/service_story.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::packets {
namespace {

using sandbox::ServiceStory;

constexpr size_t kOverlayMtu = 1450;

class GoldenAnswersTest : public datapath::SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto made = PacketNode::Create(bpffs_, cgroup_);
    ASSERT_TRUE(made.ok()) << made.status();
    node_ = *std::move(made);
    const absl::Status serving = node_->programs().Serve(
        {Story("far", 1, {"10.244.2.7", "fd00:244:2::7"}, "b"), Story("near", 2, {"10.244.1.2", "fd00:244:1::2"}),
         Story("bridged", 3, {"10.244.1.67", "fd00:244:1:0:b::3"})},
        {"10.244.2.7:8080", "[fd00:244:2::7]:8080", "10.244.1.2:8080", "[fd00:244:1::2]:8080", "10.244.1.67:8080",
         "[fd00:244:1:0:b::3]:8080"});
    ASSERT_TRUE(serving.ok()) << serving;
  }

  void TearDown() override {
    node_.reset();
    SandboxTest::TearDown();
  }

  static ServiceStory Story(const std::string& name, int number, const std::vector<std::string>& endpoints,
                            const std::string& node = "here") {
    ServiceStory story(name);
    story.ClusterIp(absl::StrCat("10.96.0.", number)).ClusterIp(absl::StrCat("fd00:96::", number));
    story.LoadBalancerIp(absl::StrCat("203.0.113.", number)).LoadBalancerIp(absl::StrCat("2001:db8:2::", number));
    const auto node_port = static_cast<uint16_t>(30080 + number);
    story.Port(80, model::Protocol::kTcp, 8080, node_port).Port(80, model::Protocol::kUdp, 8080, node_port);
    for (const std::string& endpoint : endpoints) story.Endpoint({.address = endpoint, .node = node});
    return story;
  }

  Fate In(absl::string_view device, const Packet& packet) { return node_->Run(Hook::kIngress, device, packet); }

  // Begins the flow, and returns the source that it has borrowed.
  std::string Begin(absl::string_view device, const Packet& first, absl::string_view address) {
    const Fate fate = In(device, node_->Arriving(device, first));
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT") << testing::PrintToString(fate.reasons);
    return absl::StrCat(address, ":", fate.packet.source_port);
  }

  // The packet is answered by this error, which leaves for where the packet came from.
  void ExpectAnswer(absl::string_view device, const Packet& packet, Packet error, const std::string& reason) {
    const Fate fate = In(device, packet);
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT");
    error.QuotingWords(packet).Macs(packet.link->destination, packet.link->source).DontFragment();
    EXPECT_EQ(Mismatch(error, fate.bytes), "");
    EXPECT_EQ(fate.reasons, std::vector<std::string>{reason});
  }

  std::unique_ptr<PacketNode> node_;
};

struct Dial {
  const char* client;
  const char* frontend;
  const char* backend;
  const char* source;

  std::string Host(const char* end) const {
    std::string text = end;
    text.resize(text.rfind(':'));
    return text.front() == '[' ? text.substr(1, text.size() - 2) : text;
  }
};

constexpr Dial kDials[] = {
    {"198.51.100.7:40000", "192.0.2.10:30081", "10.244.2.7:8080", "10.244.1.0"},
    {"198.51.100.7:40001", "203.0.113.1:80", "10.244.2.7:8080", "10.244.1.0"},
    {"[2001:db8:1::7]:40000", "[2001:db8::10]:30081", "[fd00:244:2::7]:8080", "[fd00:244:1::]"},
    {"[2001:db8:1::7]:40001", "[2001:db8:2::1]:80", "[fd00:244:2::7]:8080", "[fd00:244:1::]"},
};

struct Shape {
  const char* name;
  std::function<Packet(Packet)> make;
  bool v4 = true;
  bool v6 = true;
  bool tcp = true;
  bool udp = true;
};

std::vector<Shape> Shapes() {
  return {
      {"plain", [](Packet packet) { return packet; }},
      {"with IP options", [](Packet packet) { return packet.IpOptions(12); }, true, false},
      {"with as many IP options as there can be", [](Packet packet) { return packet.IpOptions(40); }, true, false},
      {"with extension headers",
       [](Packet packet) { return packet.Extension(kHopByHop, 16).Extension(kDestinationOptions, 64); }, false, true},
      {"without a checksum", [](Packet packet) { return packet.NoChecksum(); }, true, false, false},
      {"with TCP options", [](Packet packet) { return packet.TcpOptions(36); }, true, true, true, false},
  };
}

// Calls `check` for every dial, protocol and shape, with the first packet of a flow.
void ForEach(const std::function<void(const Dial&, const Packet&)>& check) {
  for (const Dial& dial : kDials) {
    for (const Shape& shape : Shapes()) {
      for (const bool is_tcp : {true, false}) {
        const Packet bare = is_tcp ? Tcp(dial.client, dial.frontend).Syn() : Udp(dial.client, dial.frontend);
        if (!(bare.IsV4() ? shape.v4 : shape.v6) || !(is_tcp ? shape.tcp : shape.udp)) continue;
        Packet packet = shape.make(bare);
        if (packet.IsV4()) packet.DontFragment();
        SCOPED_TRACE(absl::StrCat(shape.name, ": ", ToString(packet)));
        check(dial, packet);
      }
    }
  }
}

// Returns the packet with as much payload as makes it this long from the IP header on.
Packet OfLength(Packet packet, size_t bytes) {
  packet.Payload(size_t{0});
  return packet.Payload(bytes + 14 - ToBytes(packet).size());
}

TEST_F(GoldenAnswersTest, NoSizeIsSpecialAndOneByteTooManyIsAnswered) {
  ForEach([&](const Dial& dial, const Packet& packet) {
    for (size_t bytes = kOverlayMtu - 3; bytes <= kOverlayMtu; ++bytes) {
      const Fate fate = In("eth0", node_->Arriving("eth0", OfLength(packet, bytes)));
      EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT") << bytes;
      EXPECT_EQ(fate.packet.destination_port, 8080) << bytes << " bytes: " << ToString(fate.packet);
      EXPECT_TRUE(fate.faults.empty() && fate.reasons.empty()) << bytes;
    }
    for (const size_t bytes : {kOverlayMtu + 1, kOverlayMtu + 2, size_t{1500}, size_t{2999}}) {
      ExpectAnswer("eth0", node_->Arriving("eth0", OfLength(packet, bytes)),
                   TooBig(dial.Host(dial.frontend), dial.Host(dial.client), kOverlayMtu), "too_big");
    }
  });
}

TEST_F(GoldenAnswersTest, ABackendIsToldWhatFitsTheClientsDevice) {
  ASSERT_TRUE(sandbox::SetMtu("eth0", 1400).ok());
  ForEach([&](const Dial& dial, const Packet& packet) {
    const std::string lent = Begin("eth0", packet, dial.source);
    const Packet reply = node_->Arriving("flannel.1", Packet(packet).From(dial.backend).To(lent));
    const Fate fits = In("flannel.1", OfLength(reply, 1400));
    EXPECT_EQ(fits.packet.destination_port, packet.source_port) << ToString(fits.packet);
    ExpectAnswer("flannel.1", OfLength(reply, 1401), TooBig(dial.Host(lent.c_str()), dial.Host(dial.backend), 1400),
                 "too_big");
  });
}

TEST_F(GoldenAnswersTest, NoLinkOfIpv6IsSaidToCarryLessThanEveryLinkDoes) {
  ASSERT_TRUE(sandbox::SetMtu("flannel.1", 1280).ok());
  const std::string client = "2001:db8:1::7", frontend = "2001:db8:2::1";
  const Packet packet = Udp("[2001:db8:1::7]:4", "[2001:db8:2::1]:80");
  ExpectAnswer("eth0", node_->Arriving("eth0", OfLength(packet, 1281)), TooBig(frontend, client, 1280), "too_big");
  ASSERT_TRUE(
      node_->programs().Tell({"flannel.1", SHUNT_DEVICE_OVERLAY, "10.244.1.0", "fd00:244:1::", nullptr, 1000}).ok());
  ExpectAnswer("eth0", node_->Arriving("eth0", OfLength(packet, 1280)), TooBig(frontend, client, 1280), "too_big");
  const Packet old = Udp("198.51.100.7:4", "203.0.113.1:80").DontFragment();
  ExpectAnswer("eth0", node_->Arriving("eth0", OfLength(old, 1001)), TooBig("203.0.113.1", "198.51.100.7", 1000),
               "too_big");
  EXPECT_EQ(In("eth0", node_->Arriving("eth0", OfLength(old, 1000))).packet.destination_port, 8080);
}

TEST_F(GoldenAnswersTest, WhoMayBeCutIsLeftToTheStackTranslated) {
  ASSERT_TRUE(sandbox::SetMtu("eth0", 1400).ok());
  for (const bool is_tcp : {true, false}) {
    const Packet bare =
        is_tcp ? Tcp(kDials[0].client, kDials[0].frontend).Syn() : Udp(kDials[0].client, kDials[0].frontend);
    const std::string lent = Begin("eth0", bare, "10.244.1.0");
    const Packet request = node_->Arriving("eth0", Packet(bare).Payload(1450));
    const Packet reply = node_->Arriving("flannel.1", Packet(bare).From("10.244.2.7:8080").To(lent).Payload(1400));
    const Mac loopback = {};
    Fate fate = In("eth0", request);
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT");
    EXPECT_EQ(Mismatch(request.From(lent).To("10.244.2.7:8080").Macs(request.link->source, loopback), fate.bytes), "");
    EXPECT_TRUE(fate.reasons.empty());
    fate = In("flannel.1", reply);
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_REDIRECT");
    EXPECT_EQ(
        Mismatch(reply.From(kDials[0].frontend).To(kDials[0].client).Macs(reply.link->source, loopback), fate.bytes),
        "");
  }
}

TEST_F(GoldenAnswersTest, WhatIsAtItsLastHopIsAnsweredInBothDirections) {
  ForEach([&](const Dial& dial, const Packet& packet) {
    const std::string lent = Begin("eth0", packet, dial.source);
    for (const uint8_t ttl : {0, 1}) {
      for (const size_t payload : {0, 1, 2, 3, 4, 31, 900}) {
        const Packet request = node_->Arriving("eth0", Packet(packet).Ttl(ttl).Payload(payload));
        ExpectAnswer("eth0", request, TimeExceeded(dial.Host(dial.frontend), dial.Host(dial.client)), "hops_exhausted");
        const Packet reply = Packet(packet).From(dial.backend).To(lent).Ttl(ttl).Payload(payload);
        ExpectAnswer("flannel.1", node_->Arriving("flannel.1", reply),
                     TimeExceeded(dial.Host(lent.c_str()), dial.Host(dial.backend)), "hops_exhausted");
      }
    }
  });
}

// Between two pods of a bridge a reply is sent to the client itself, which answers nothing for its node.
TEST_F(GoldenAnswersTest, APodsPacketIsAnsweredByItsNode) {
  const Packet request = node_->Arriving("br1", Udp("10.244.1.66:4000", "10.96.0.3:80"));
  EXPECT_EQ(VerdictName(In("br1", request).verdict), "TC_ACT_REDIRECT");
  ExpectAnswer("br1", Packet(request).Ttl(1), TimeExceeded("10.96.0.3", "10.244.1.66"), "hops_exhausted");
  const Packet reply = node_->Arriving("br2", Udp("10.244.1.67:8080", "10.244.1.66:4000"));
  ExpectAnswer("br2", Packet(reply).Ttl(1), TimeExceeded("10.244.1.65", "10.244.1.67"), "hops_exhausted");
}

// Its stack answers: it is the one that counts the hop.
TEST_F(GoldenAnswersTest, WhatGoesThroughTheStackIsLeftToTheStack) {
  for (const char* to : {"192.0.2.10:30082", "203.0.113.2:80"}) {
    const Packet packet = node_->Arriving("eth0", Udp("198.51.100.7:40000", to).Ttl(1).DontFragment().Payload(1600));
    const Fate fate = In("eth0", packet);
    if (VerdictName(fate.verdict) == "TC_ACT_SHOT") continue;  // another frontend has the reply's tuple
    EXPECT_EQ(VerdictName(fate.verdict), "TC_ACT_UNSPEC");
    EXPECT_EQ(Mismatch(packet.To("10.244.1.2:8080"), fate.bytes), "");
  }
}

TEST_F(GoldenAnswersTest, NoErrorGoesToAnAddressThatIsNoHosts) {
  for (const char* from : {"0.0.0.7:7", "127.0.0.1:7", "224.0.0.1:7", "255.255.255.255:7"}) {
    const Packet packet = Udp(from, "192.0.2.10:30081").Ttl(1);
    EXPECT_EQ(VerdictName(In("eth0", node_->Arriving("eth0", packet)).verdict), "TC_ACT_SHOT") << from;
  }
  for (const char* from : {"[::]:7", "[::1]:7", "[ff02::1]:7"}) {
    const Packet packet = Udp(from, "[2001:db8::10]:30081").Ttl(1);
    EXPECT_NE(VerdictName(In("eth0", node_->Arriving("eth0", packet)).verdict), "TC_ACT_REDIRECT") << from;
  }
}

// A frame that ends before its packet does can be quoted no further than it goes.
TEST_F(GoldenAnswersTest, AFrameThatEndsEarlyIsNotQuotedBeyondItsEnd) {
  const Packet packets[] = {
      Udp("198.51.100.7:40000", "192.0.2.10:30081").DontFragment().Payload(1472),
      Tcp("198.51.100.7:40000", "203.0.113.1:80").Syn().Ttl(1).IpOptions(20).TcpOptions(20).Payload(30),
      Tcp("[2001:db8:1::7]:40000", "[2001:db8::10]:30081").Syn().Payload(1440),
      Udp("[2001:db8:1::7]:40000", "[2001:db8:2::1]:80").Ttl(1).Extension(kHopByHop, 16).Payload(30)};
  int answers = 0;
  for (const Packet& packet : packets) {
    const Packet arriving = node_->Arriving("eth0", packet);
    const Bytes whole = ToBytes(arriving);
    for (const Bytes& prefix : Prefixes(whole)) {
      if (prefix.size() < 14u + (packet.IsV4() ? 20 : 40)) continue;  // no packet to the kernel
      if (prefix.size() > 150 && prefix.size() % 7 != 0) continue;    // within what may be answered in a second
      const Fate fate = node_->Run(Hook::kIngress, "eth0", prefix);
      if (VerdictName(fate.verdict) != "TC_ACT_REDIRECT") {
        EXPECT_TRUE(VerdictName(fate.verdict) == "TC_ACT_SHOT" || fate.bytes == prefix) << prefix.size();
        continue;
      }
      Packet error = packet.ttl == 1 ? TimeExceeded(packet.destination.ToString(), packet.source.ToString())
                                     : TooBig(packet.destination.ToString(), packet.source.ToString(), kOverlayMtu);
      error.QuotingWords(packet).Macs(arriving.link->destination, arriving.link->source).DontFragment();
      EXPECT_EQ(Mismatch(error, fate.bytes), "") << prefix.size();
      ++answers;
    }
  }
  EXPECT_GT(answers, 250);
}

}  // namespace
}  // namespace shunt::packets
