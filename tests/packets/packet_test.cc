// SPDX-License-Identifier: Apache-2.0
#include "tests/packets/packet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/packets/checksum.h"
#include "tests/packets/parse.h"

namespace shunt::packets {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kClient[] = "198.51.100.7:40000";
constexpr char kNode[] = "192.0.2.10:30080";
constexpr char kClient6[] = "[2001:db8:1::7]:40000";
constexpr char kNode6[] = "[2001:db8::10]:30080";

// One of each kind.
std::vector<Packet> Examples() {
  const Packet to_pod = Tcp("192.0.2.10:50000", "10.244.2.7:8080").Ack().Payload(1000);
  const Packet to_pod6 = Udp("[2001:db8::10]:50000", "[fd00:244:2::7]:53").Payload(1000);
  return {
      Tcp(kClient, kNode).Syn(),
      Tcp(kClient, kNode).Syn().TcpOptions(20).Payload(100).DontFragment().Ttl(3).TrafficClass(0x12).Id(77),
      Tcp(kClient, kNode).Ack().Payload(1).IpOptions(8).Vlan(5),
      Tcp(kClient, kNode).Fin().WithoutLinkHeader(),
      Tcp(kClient, kNode).Reset().Padding(6),
      Udp(kClient, kNode).Payload("hello"),
      Udp(kClient, kNode).Payload(33).NoChecksum(),
      Sctp(kClient, kNode).Init(),
      Sctp(kClient, kNode).Chunk(0, 33).Chunk(3, 12).SctpTag(1),
      EchoRequest("198.51.100.7", "192.0.2.10").Payload(56),
      OtherProtocol("198.51.100.7", "192.0.2.10", 47).Payload(20),
      PortUnreachable("10.244.2.7", "192.0.2.10").Quoting(to_pod, 28),
      TooBig("192.0.2.1", "192.0.2.10", 1400).Quoting(to_pod),
      TimeExceeded("192.0.2.1", "192.0.2.10").Quoting(Sctp(kNode, kClient).Abort()),
      Tcp(kClient6, kNode6).SynAck().Payload(2),
      Tcp(kClient6, kNode6).Ack().Extension(kHopByHop).Extension(kDestinationOptions, 16).Payload(3),
      Udp(kClient6, kNode6).Payload(3).Extension(kRouting, 24).Vlan(4000),
      Udp(kClient6, kNode6).Payload(3).Part(0, false).Id(9),
      Sctp(kClient6, kNode6).InitAck().Extension(kDestinationOptions),
      TooBig("2001:db8::1", "2001:db8::10", 1400).Quoting(to_pod6, 1232),
      PortUnreachable("fd00:244:2::7", "2001:db8::10").Quoting(to_pod6, 48),
      EchoReply("2001:db8::1", "2001:db8::10").WithoutLinkHeader(),
  };
}

Framing FramingOf(const Packet& packet) {
  return packet.link ? Framing::kEthernet : Framing::kBare;
}

TEST(PacketTest, BytesAreThoseOfAKnownPacket) {
  // Summed by hand: version 4, 33 bytes in all, UDP with the text "hello".
  EXPECT_THAT(ToBytes(Udp("192.0.2.1:1024", "192.0.2.2:53").Payload("hello").WithoutLinkHeader()),
              ElementsAre(0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0xf6, 0xc8, 192, 0, 2, 1, 192, 0, 2, 2,  //
                          4, 0, 0, 53, 0, 13, 0x33, 0xc9, 'h', 'e', 'l', 'l', 'o'));
}

TEST(PacketTest, Crc32cIsCastagnolis) {
  const std::string digits = "123456789";  // the check value of every catalogue of CRCs
  EXPECT_EQ(Crc32c(Bytes(digits.begin(), digits.end())), 0xe3069283);
}

TEST(PacketTest, EveryKindComesBackFromItsBytes) {
  for (const Packet& packet : Examples()) {
    const Parsed parsed = Parse(ToBytes(packet), FramingOf(packet));
    EXPECT_THAT(parsed.faults, IsEmpty()) << ToString(packet);
    EXPECT_EQ(parsed.packet, packet);
    EXPECT_EQ(Mismatch(packet, ToBytes(packet)), "");
  }
}

// Except the VLAN tag, flow label and MAC addresses, which no checksum covers, and what IPv6 does not cover.
TEST(PacketTest, EveryBitOfAnIpv4PacketIsCoveredByAChecksumOrALength) {
  for (const Packet& packet : Examples()) {
    if (!packet.IsV4() || packet.checksum) continue;
    const Bytes right = ToBytes(packet);
    const size_t first = packet.link ? packet.link->vlan ? 18 : 14 : 0;
    for (size_t bit = first * 8; bit < right.size() * 8; ++bit) {
      Bytes wrong = right;
      wrong[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
      EXPECT_NE(Mismatch(packet, wrong), "") << "bit " << bit << " of " << ToString(packet);
      if (packet.protocol != 47) {
        EXPECT_FALSE(Parse(wrong, FramingOf(packet)).faults.empty()) << "bit " << bit << " of " << ToString(packet);
      }
    }
  }
}

TEST(PacketTest, EveryPrefixIsNamedAsTruncated) {
  for (const Packet& packet : Examples()) {
    const Bytes whole = ToBytes(packet);
    const size_t size = whole.size() - packet.padding;
    const std::vector<Bytes> prefixes = Prefixes(whole);
    ASSERT_EQ(prefixes.size(), whole.size());
    for (size_t i = 0; i < size; ++i) {
      ASSERT_EQ(prefixes[i].size(), i);
      ASSERT_TRUE(std::equal(prefixes[i].begin(), prefixes[i].end(), whole.begin()));
      EXPECT_FALSE(Parse(prefixes[i], FramingOf(packet)).faults.empty()) << i << " bytes of " << ToString(packet);
    }
  }
}

TEST(PacketTest, AFaultSaysWhatTheValueShouldBe) {
  Bytes wrong = ToBytes(Udp(kClient, kNode).Payload("hello"));
  const uint16_t right = static_cast<uint16_t>(wrong[40] << 8 | wrong[41]);
  wrong[40] ^= 0x10;
  EXPECT_THAT(Parse(wrong).faults,
              ElementsAre(testing::MatchesRegex("UDP checksum 0x[0-9a-f]+ should be 0x[0-9a-f]+")));
  EXPECT_EQ(Parse(wrong).packet.checksum, static_cast<uint16_t>(right ^ 0x1000));
  EXPECT_EQ(Mismatch(Udp(kClient, kNode).Payload("hello").Checksum(right ^ 0x1000), wrong), "");
  wrong = ToBytes(Udp(kClient, kNode).Payload("hello").WithoutLinkHeader());
  wrong[8] = 63;
  EXPECT_THAT(Parse(wrong, Framing::kBare).faults, ElementsAre(HasSubstr("IPv4 header checksum")));
  wrong = ToBytes(Udp(kClient, kNode).Padding(2));
  wrong.back() = 1;
  EXPECT_THAT(Parse(wrong).faults, ElementsAre("2 bytes behind the packet, and not all of them zero"));
}

TEST(PacketTest, TheQuotedPacketIsCheckedToo) {
  const Packet quoted = Udp("192.0.2.10:50000", "10.244.2.7:53").Payload(20);
  Packet error = PortUnreachable("10.244.2.7", "192.0.2.10").Quoting(quoted);
  error.payload[21] ^= 1;  // its source port
  EXPECT_THAT(Parse(ToBytes(error)).faults, ElementsAre(HasSubstr("quoted: UDP checksum")));
  error.Quoting(quoted, 30);
  error.payload[21] ^= 1;  // not whole: its checksum cannot be known
  EXPECT_THAT(Parse(ToBytes(error)).faults, IsEmpty());
  error.payload[3] ^= 1;
  EXPECT_THAT(Parse(ToBytes(error)).faults, ElementsAre(HasSubstr("quoted: IPv4 header checksum")));
  error.Quoting(quoted, 23);
  EXPECT_THAT(Parse(ToBytes(error)).faults, ElementsAre("quoted: UDP ports: 3 of 4 bytes"));
}

TEST(PacketTest, AnErrorWithAnotherQuotedPortIsAnotherPacket) {
  const Packet right =
      PortUnreachable("10.244.2.7", "192.0.2.10").Quoting(Udp("192.0.2.10:50000", "10.244.2.7:53").Payload(20), 28);
  const Packet wrong =
      PortUnreachable("10.244.2.7", "192.0.2.10").Quoting(Udp("192.0.2.10:50001", "10.244.2.7:53").Payload(20), 28);
  EXPECT_THAT(Mismatch(right, ToBytes(wrong)), HasSubstr("192.0.2.10:50001 > 10.244.2.7:53"));
}

TEST(PacketTest, UdpNeverSendsAComputedChecksumOfZero) {
  bool seen = false;
  for (uint32_t port = 1; port < 65536 && !seen; ++port) {
    Packet packet = Udp(kClient, kNode).WithoutLinkHeader();
    packet.source_port = static_cast<uint16_t>(port);
    const Bytes bytes = ToBytes(packet);
    EXPECT_NE(bytes[26] << 8 | bytes[27], 0);
    seen = bytes[26] == 0xff && bytes[27] == 0xff;
    EXPECT_TRUE(Parse(bytes, Framing::kBare).faults.empty());
  }
  EXPECT_TRUE(seen);
}

TEST(PacketTest, FragmentsComeTogetherInWhateverOrder) {
  for (const Packet& whole : {Udp(kClient, kNode).Payload(4000).Id(3), Udp(kClient6, kNode6).Payload(4000),
                              Tcp(kClient, kNode).Ack().Payload(3000).Id(4).IpOptions(),
                              EchoRequest("198.51.100.7", "192.0.2.10").Payload(3000).Vlan(3),
                              Udp(kClient6, kNode6).Payload(1500).Extension(kHopByHop).WithoutLinkHeader()}) {
    std::vector<Packet> parts;
    for (const Packet& part : Fragments(whole, 1500)) {
      const Bytes bytes = ToBytes(part);
      EXPECT_LE(bytes.size(), 1518u);
      const Parsed parsed = Parse(bytes, FramingOf(part));
      EXPECT_THAT(parsed.faults, IsEmpty()) << ToString(part);
      EXPECT_EQ(parsed.packet, part);
      parts.push_back(parsed.packet);
    }
    ASSERT_GE(parts.size(), 2u);
    std::reverse(parts.begin(), parts.end());
    parts.push_back(parts[1]);  // twice
    const auto together = Reassembled(parts);
    ASSERT_TRUE(together.ok()) << together.status();
    EXPECT_EQ(TransportBytes(*together), TransportBytes(whole));
    EXPECT_EQ(together->source_port, whole.source_port);
    EXPECT_FALSE(together->checksum.has_value()) << ToString(*together);
  }
}

TEST(PacketTest, AMissingOrForeignFragmentIsRefused) {
  std::vector<Packet> parts = Fragments(Udp(kClient, kNode).Payload(4000), 1500);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(Reassembled({parts[0], parts[2]}).status().message(), "a part is missing at byte 1480");
  EXPECT_EQ(Reassembled({parts[0], parts[1]}).status().message(), "a part is missing at byte 1480");
  EXPECT_EQ(Reassembled({}).status().message(), "no fragments");
  parts[1].Id(5);
  EXPECT_THAT(std::string(Reassembled(parts).status().message()), HasSubstr("of another datagram: "));
}

TEST(PacketTest, AWrongChecksumOfAWholeDatagramIsSeenAfterReassembly) {
  std::vector<Packet> parts = Fragments(Udp(kClient, kNode).Payload(4000), 1500);
  parts[2].payload[7] ^= 1;
  EXPECT_TRUE(Reassembled(parts)->checksum.has_value());
}

TEST(PacketTest, ALineShowsWhatATestNeedsToSee) {
  EXPECT_EQ(
      ToString(Tcp(kClient, kNode).SynAck().DontFragment().Vlan(5)),
      "02:00:00:00:00:01 > 02:00:00:00:00:02, vlan 5, 198.51.100.7:40000 > 192.0.2.10:30080 tcp S. seq 1000 ack 0 "
      "win 64240, ttl 64, DF");
  EXPECT_EQ(ToString(TooBig("2001:db8::1", "2001:db8::10", 1400)
                         .Quoting(Udp("[2001:db8::10]:50000", "[fd00::7]:53").NoChecksum())
                         .WithoutLinkHeader()),
            "no link header, 2001:db8::1 > 2001:db8::10 icmp6 2/0 rest 1400, ttl 64, quoting 48 bytes [no link header, "
            "[2001:db8::10]:50000 > [fd00::7]:53 udp, ttl 64, checksum 0x0000]");
  EXPECT_EQ(ToString(Fragments(Udp(kClient, kNode).Payload(2000).Id(9), 1500)[1]),
            "198.51.100.7 > 192.0.2.10 protocol 17, ttl 64, id 9, fragment 1480, 528 bytes 5f9ece1d");
}

TEST(PacketTest, AnotherEndIsAnotherPacket) {
  const Packet request = Tcp(kClient, kNode).Syn();
  EXPECT_EQ(request.To("10.244.2.7:8080").From("192.0.2.10:50000"), Tcp("192.0.2.10:50000", "10.244.2.7:8080").Syn());
  EXPECT_EQ(EchoRequest("192.0.2.1", "192.0.2.2").To("192.0.2.3"), EchoRequest("192.0.2.1", "192.0.2.3"));
}

}  // namespace
}  // namespace shunt::packets
