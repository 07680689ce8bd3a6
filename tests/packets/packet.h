// SPDX-License-Identifier: Apache-2.0
// A packet as a value that reads as a sentence:
//
//     Tcp("198.51.100.7:40000", "192.0.2.10:30080").Syn().Payload(100)
//     TooBig("192.0.2.1", "192.0.2.10", 1400).Quoting(Tcp("192.0.2.10:50000", "10.244.2.7:8080").Ack())
//
// ToBytes() gives it every checksum; parse.h turns bytes back into a value. Addresses of IPv6 make it an IPv6 packet.
#ifndef SHUNT_PACKETS_PACKET_H_
#define SHUNT_PACKETS_PACKET_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/model/ip_address.h"

namespace shunt::packets {

using Bytes = std::vector<uint8_t>;
using Mac = std::array<uint8_t, 6>;

// IANA's numbers.
inline constexpr uint8_t kIcmp = 1;
inline constexpr uint8_t kTcp = 6;
inline constexpr uint8_t kUdp = 17;
inline constexpr uint8_t kIcmpV6 = 58;
inline constexpr uint8_t kSctp = 132;

// Types of SCTP's chunks.
inline constexpr uint8_t kSctpData = 0;
inline constexpr uint8_t kSctpInit = 1;
inline constexpr uint8_t kSctpInitAck = 2;
inline constexpr uint8_t kSctpAbort = 6;
inline constexpr uint8_t kSctpShutdownComplete = 14;

inline constexpr uint8_t kHopByHop = 0;
inline constexpr uint8_t kRouting = 43;
inline constexpr uint8_t kDestinationOptions = 60;

struct LinkHeader {
  Mac destination = {2, 0, 0, 0, 0, 2};
  Mac source = {2, 0, 0, 0, 0, 1};
  std::optional<uint16_t> vlan;  // 802.1Q, in the packet's bytes

  bool operator==(const LinkHeader&) const = default;
};

struct TcpHeader {
  enum Flag : uint8_t { kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16, kUrg = 32 };
  uint32_t sequence = 1000;
  uint32_t acknowledgement = 0;
  uint8_t flags = 0;
  uint16_t window = 64240;
  Bytes options;  // a multiple of four bytes

  bool operator==(const TcpHeader&) const = default;
};

struct IcmpHeader {
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t rest = 0;  // the second word: identifier and sequence number, or the MTU

  bool operator==(const IcmpHeader&) const = default;
};

// Which part of a datagram a packet is.
struct FragmentPart {
  uint16_t offset = 0;  // bytes, a multiple of 8
  bool more = false;

  bool operator==(const FragmentPart&) const = default;
};

struct ExtensionHeader {
  uint8_t type = kHopByHop;
  Bytes body;  // what follows its next header and length: 6 bytes, 14, 22, ...

  bool operator==(const ExtensionHeader&) const = default;
};

// Setters return *this. What is not set has the defaults below.
struct Packet {
  std::optional<LinkHeader> link = LinkHeader();
  size_t padding = 0;  // zeros behind the IP packet, as an Ethernet device adds them up to 60 bytes

  model::IpAddress source;
  model::IpAddress destination;
  uint8_t ttl = 64;
  uint8_t traffic_class = 0;
  uint32_t flow_label = 0;                  // IPv6
  uint32_t id = 0;                          // IPv4, or of IPv6's fragment header
  bool dont_fragment = false;               // IPv4
  Bytes ip_options;                         // IPv4; a multiple of four bytes
  std::vector<ExtensionHeader> extensions;  // IPv6; in front of the fragment header
  std::optional<FragmentPart> fragment;     // a packet with an offset has no transport header: all is payload

  uint8_t protocol = 0;  // decides which of the following are valid
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  TcpHeader tcp;
  uint32_t sctp_tag = 0x5c7b;
  IcmpHeader icmp;
  Bytes payload;  // of SCTP: its chunks; of an ICMP error: the quoted packet

  // The checksum of the transport as it is, if it is not the right one, or if the packet does not hold all that it
  // covers (a first fragment). Not set: the right one.
  std::optional<uint32_t> checksum;
  std::optional<uint16_t> udp_length;  // likewise

  bool operator==(const Packet&) const = default;

  bool IsV4() const { return source.IsV4(); }
  bool HasPorts() const { return protocol == kTcp || protocol == kUdp || protocol == kSctp; }
  bool HasTransportHeader() const { return !fragment || fragment->offset == 0; }
  bool IsIcmpError() const;

  Packet& WithoutLinkHeader();
  Packet& Macs(const Mac& from, const Mac& to);
  Packet& Vlan(uint16_t id);
  Packet& Padding(size_t bytes);

  Packet& Ttl(uint8_t value);
  Packet& TrafficClass(uint8_t value);
  Packet& Id(uint32_t value);
  Packet& DontFragment();
  Packet& IpOptions(size_t bytes = 4);                // No Operation, the last byte End of Options
  Packet& Extension(uint8_t type, size_t bytes = 8);  // one PadN option
  Packet& Part(uint16_t offset, bool more);           // makes a fragment of a raw packet

  Packet& Syn();
  Packet& SynAck();
  Packet& Ack();
  Packet& Fin();    // FIN and ACK
  Packet& Reset();  // RST alone
  Packet& Flags(uint8_t flags);
  Packet& Sequence(uint32_t value);
  Packet& Acknowledgement(uint32_t value);
  Packet& Window(uint16_t value);
  Packet& TcpOptions(size_t bytes);  // No Operation

  // SCTP: appends one chunk. `bytes` is the length of what follows its header of four bytes.
  Packet& Chunk(uint8_t type, size_t bytes = 16);
  Packet& Init();
  Packet& InitAck();
  Packet& Abort();
  Packet& ShutdownComplete();
  Packet& SctpTag(uint32_t value);

  Packet& Payload(size_t bytes);  // bytes that differ from their neighbours
  Packet& Payload(absl::string_view text);
  // The first bytes of `packet` without its link header, as an ICMP error has them. RFC 1812 allows 548 of them to
  // IPv4, RFC 4443 1,232 to IPv6.
  Packet& Quoting(const Packet& packet, size_t bytes_max = 548);
  // The same in whole words of 32 bits, as the packet path quotes.
  Packet& QuotingWords(const Packet& packet, size_t bytes_max = 508);
  Packet& NoChecksum();  // UDP: zero
  Packet& Checksum(uint32_t value);

  // Returns the same packet with another end. "ADDRESS:PORT" or, if it has no ports, "ADDRESS".
  Packet From(absl::string_view address) const;
  Packet To(absl::string_view address) const;
};

// Each parses "10.96.0.1:80" and "[fd00::1]:80". Aborts on anything else, because tests pass constants.
Packet Tcp(absl::string_view from, absl::string_view to);
Packet Udp(absl::string_view from, absl::string_view to);
Packet Sctp(absl::string_view from, absl::string_view to);

// These take addresses without a port. The type is that of ICMP or ICMPv6, as the addresses are.
Packet PortUnreachable(absl::string_view from, absl::string_view to);
Packet TooBig(absl::string_view from, absl::string_view to, uint32_t mtu);  // fragmentation needed, packet too big
Packet TimeExceeded(absl::string_view from, absl::string_view to);
Packet EchoRequest(absl::string_view from, absl::string_view to, uint16_t identifier = 7);
Packet EchoReply(absl::string_view from, absl::string_view to, uint16_t identifier = 7);
Packet Icmp(absl::string_view from, absl::string_view to, uint8_t type, uint8_t code, uint32_t rest = 0);
Packet OtherProtocol(absl::string_view from, absl::string_view to, uint8_t protocol);

Bytes ToBytes(const Packet& packet);
// Returns the transport's header and payload as they are in the packet.
Bytes TransportBytes(const Packet& packet);

// Returns the packet's link and IP header around these bytes in place of its own transport: for what no builder makes,
// as a header that ends too early.
Bytes AroundTransport(const Packet& packet, const Bytes& transport);

// Cuts a datagram into fragments of at most `mtu` bytes from the IP header on, in order. REQUIRES: it is whole, and
// its transport's header fits into the first.
std::vector<Packet> Fragments(const Packet& packet, size_t mtu);
// Puts fragments together, in whatever order and also if some are there twice. The result has the first fragment's
// header; its checksum is set if it is wrong. Returns kInvalidArgument if a part is missing or of another datagram.
absl::StatusOr<Packet> Reassembled(std::vector<Packet> fragments);

// Returns the first 0, 1, 2, ... bytes, and last all but one.
std::vector<Bytes> Prefixes(const Bytes& bytes);

// One line as tcpdump's, with every field that differs from the defaults.
std::string ToString(const Packet& packet);
inline void PrintTo(const Packet& packet, std::ostream* out) {
  *out << ToString(packet);
}

}  // namespace shunt::packets

#endif  // SHUNT_PACKETS_PACKET_H_
