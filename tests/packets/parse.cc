// SPDX-License-Identifier: Apache-2.0
#include "tests/packets/parse.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tests/packets/checksum.h"
#include "tests/packets/wire_format.h"

namespace shunt::packets {
namespace {

using Span = std::span<const uint8_t>;

uint16_t Load16(Span bytes, size_t offset) {
  return static_cast<uint16_t>(bytes[offset] << 8 | bytes[offset + 1]);
}

uint32_t Load32(Span bytes, size_t offset) {
  return static_cast<uint32_t>(Load16(bytes, offset)) << 16 | Load16(bytes, offset + 2);
}

model::IpAddress LoadV4(Span bytes, size_t offset) {
  return model::IpAddress::FromV4(Load32(bytes, offset));
}

model::IpAddress LoadV6(Span bytes, size_t offset) {
  std::array<uint8_t, 16> address;
  std::copy_n(bytes.begin() + offset, 16, address.begin());
  return model::IpAddress(address);
}

Bytes Copy(Span bytes) {
  return Bytes(bytes.begin(), bytes.end());
}

absl::string_view ProtocolName(uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return "TCP";
    case kUdp:
      return "UDP";
    case kSctp:
      return "SCTP";
    case kIcmp:
      return "ICMP";
    default:
      return "ICMPv6";
  }
}

// Reads one packet. `quoted`: it stands in an ICMP error and may end anywhere behind its IP header.
class Reader {
 public:
  Reader(Span bytes, bool quoted) : rest_(bytes), quoted_(quoted) {}

  Parsed Finish() && { return {.packet = std::move(packet_), .faults = std::move(faults_)}; }
  void ReadEthernet();
  void ReadBare();

 private:
  template <typename... Parts>
  void Fault(const Parts&... parts) {
    faults_.push_back(absl::StrCat(quoted_ ? "quoted: " : "", parts...));
  }
  bool Need(absl::string_view what, size_t bytes);
  void ReadV4();
  void ReadV6();
  bool ReadExtensions();
  void Limit(absl::string_view what, size_t announced);
  void ReadTransport();
  bool ReadTransportHeader();
  bool ReadTcp();
  void ReadUdp();
  void CheckTransport(Span transport);
  void ReadQuoted();

  Span rest_;
  const bool quoted_;
  bool whole_ = true;
  Packet packet_;
  std::vector<std::string> faults_;
};

bool Reader::Need(absl::string_view what, size_t bytes) {
  if (rest_.size() >= bytes) return true;
  // RFC 792 asks that eight bytes of the transport are quoted.
  const bool may_end_early = quoted_ && !whole_ && rest_.size() >= 8;
  if (!may_end_early) Fault(what, ": ", rest_.size(), " of ", bytes, " bytes");
  return false;
}

void Reader::ReadEthernet() {
  if (!Need("Ethernet header", 14)) return;
  LinkHeader& link = *packet_.link;
  std::copy_n(rest_.begin(), 6, link.destination.begin());
  std::copy_n(rest_.begin() + 6, 6, link.source.begin());
  uint16_t type = Load16(rest_, 12);
  rest_ = rest_.subspan(14);
  if (type == kEtherVlan) {
    if (!Need("VLAN tag", 4)) return;
    link.vlan = Load16(rest_, 0);
    type = Load16(rest_, 2);
    rest_ = rest_.subspan(4);
  }
  if (type == kEtherV4) {
    ReadV4();
  } else if (type == kEtherV6) {
    ReadV6();
  } else {
    Fault(absl::StrFormat("Ethernet type 0x%04x is not IP", type));
  }
}

void Reader::ReadBare() {
  packet_.link.reset();
  if (!Need("IP header", 1)) return;
  if (rest_[0] >> 4 == 4) {
    ReadV4();
  } else if (rest_[0] >> 4 == 6) {
    ReadV6();
  } else {
    Fault("IP version ", rest_[0] >> 4);
  }
}

// Leaves in rest_ what the IP header announces.
void Reader::Limit(absl::string_view what, size_t announced) {
  if (announced > rest_.size()) {
    whole_ = false;
    if (!quoted_) Fault(what, ": ", rest_.size(), " of ", announced, " bytes");
    return;
  }
  const Span behind = rest_.subspan(announced);
  packet_.padding = behind.size();
  if (std::any_of(behind.begin(), behind.end(), [](uint8_t byte) { return byte != 0; })) {
    Fault(behind.size(), " bytes behind the packet, and not all of them zero");
  }
  rest_ = rest_.first(announced);
}

void Reader::ReadV4() {
  if (!Need("IPv4 header", 20)) return;
  const size_t header_bytes = (rest_[0] & 15) * 4;
  if (rest_[0] >> 4 != 4 || header_bytes < 20) return Fault("IPv4 header begins with ", rest_[0]);
  if (!Need("IPv4 header", header_bytes)) return;
  const Span header = rest_.first(header_bytes);
  InternetSum sum;
  sum.Add(header);
  if (sum.Folded() != 0xffff) Fault(absl::StrFormat("IPv4 header checksum 0x%04x is wrong", Load16(header, 10)));
  const uint16_t part = Load16(header, 6);
  packet_.traffic_class = header[1];
  packet_.id = Load16(header, 4);
  packet_.dont_fragment = (part & kDontFragment) != 0;
  const FragmentPart fragment = {.offset = static_cast<uint16_t>((part & 0x1fff) * 8),
                                 .more = (part & kMoreFragments) != 0};
  if (fragment != FragmentPart()) packet_.fragment = fragment;
  packet_.ttl = header[8];
  packet_.protocol = header[9];
  packet_.source = LoadV4(header, 12);
  packet_.destination = LoadV4(header, 16);
  packet_.ip_options = Copy(header.subspan(20));
  const size_t total = Load16(header, 2);
  rest_ = rest_.subspan(header_bytes);
  if (total < header_bytes) return Fault("IPv4 total length ", total, " is below the header's ", header_bytes);
  Limit("IPv4 packet", total - header_bytes);
  ReadTransport();
}

void Reader::ReadV6() {
  if (!Need("IPv6 header", 40)) return;
  const uint32_t first = Load32(rest_, 0);
  if (first >> 28 != 6) return Fault("IPv6 header begins with ", rest_[0]);
  packet_.traffic_class = static_cast<uint8_t>(first >> 20);
  packet_.flow_label = first & 0xfffff;
  packet_.protocol = rest_[6];
  packet_.ttl = rest_[7];
  packet_.source = LoadV6(rest_, 8);
  packet_.destination = LoadV6(rest_, 24);
  const size_t announced = Load16(rest_, 4);
  rest_ = rest_.subspan(40);
  Limit("IPv6 packet", announced);
  if (ReadExtensions()) ReadTransport();
}

bool Reader::ReadExtensions() {
  for (;;) {
    const uint8_t type = packet_.protocol;
    if (type == kFragmentHeader) {
      if (!Need("IPv6 fragment header", 8)) return false;
      const uint16_t part = Load16(rest_, 2);
      packet_.protocol = rest_[0];
      packet_.fragment = FragmentPart{.offset = static_cast<uint16_t>(part & 0xfff8), .more = (part & 1) != 0};
      packet_.id = Load32(rest_, 4);
      rest_ = rest_.subspan(8);
      return true;  // what follows is the datagram's part
    }
    if (type != kHopByHop && type != kRouting && type != kDestinationOptions) return true;
    if (!Need("IPv6 extension header", 8)) return false;
    const size_t size = (rest_[1] + 1) * 8;
    if (!Need("IPv6 extension header", size)) return false;
    packet_.extensions.push_back({.type = type, .body = Copy(rest_.subspan(2, size - 2))});
    packet_.protocol = rest_[0];
    rest_ = rest_.subspan(size);
  }
}

void Reader::ReadTransport() {
  const Span transport = rest_;
  if (packet_.fragment && *packet_.fragment != FragmentPart()) whole_ = false;
  if (packet_.HasTransportHeader() && !ReadTransportHeader()) return;
  packet_.payload = Copy(rest_);
  if (packet_.HasTransportHeader()) CheckTransport(transport);
  if (packet_.IsIcmpError()) ReadQuoted();
}

// Returns false if the header ends early.
bool Reader::ReadTransportHeader() {
  if (packet_.HasPorts()) {
    if (!Need(absl::StrCat(ProtocolName(packet_.protocol), " ports"), 4)) return false;
    packet_.source_port = Load16(rest_, 0);
    packet_.destination_port = Load16(rest_, 2);
  }
  if (packet_.protocol == kTcp) return ReadTcp();
  const bool is_icmp = packet_.protocol == kIcmp || packet_.protocol == kIcmpV6;
  const size_t size = packet_.protocol == kSctp ? 12 : packet_.protocol == kUdp || is_icmp ? 8 : 0;
  if (!Need(absl::StrCat(ProtocolName(packet_.protocol), " header"), size)) return false;
  if (packet_.protocol == kUdp) ReadUdp();
  if (packet_.protocol == kSctp) packet_.sctp_tag = Load32(rest_, 4);
  if (is_icmp) packet_.icmp = {.type = rest_[0], .code = rest_[1], .rest = Load32(rest_, 4)};
  rest_ = rest_.subspan(size);
  return true;
}

bool Reader::ReadTcp() {
  if (!Need("TCP header", 20)) return false;
  const size_t size = (rest_[12] >> 4) * 4;
  if (size < 20) return Fault("TCP header of ", size, " bytes"), false;
  if (!Need("TCP header", size)) return false;
  packet_.tcp = {.sequence = Load32(rest_, 4),
                 .acknowledgement = Load32(rest_, 8),
                 .flags = rest_[13],
                 .window = Load16(rest_, 14),
                 .options = Copy(rest_.subspan(20, size - 20))};
  rest_ = rest_.subspan(size);
  return true;
}

void Reader::ReadUdp() {
  const uint16_t length = Load16(rest_, 4);
  if (length == rest_.size()) return;
  packet_.udp_length = length;
  if (whole_) Fault("UDP length ", length, " in a packet with ", rest_.size());
}

// Keeps the checksum as it is where it is not the right one or cannot be checked.
void Reader::CheckTransport(Span transport) {
  const std::optional<uint32_t> carried = CarriedChecksum(packet_.protocol, transport);
  if (!carried) return;
  const uint8_t protocol = packet_.protocol;
  if (!whole_ || (protocol == kUdp && *carried == 0)) {
    packet_.checksum = carried;
    return;
  }
  Bytes cleared = Copy(transport);
  const size_t field = *ChecksumOffset(protocol);
  std::fill_n(cleared.begin() + field, protocol == kSctp ? 4 : 2, 0);
  uint32_t right = 0;
  if (protocol == kSctp) {
    right = Crc32c(cleared);
  } else {
    InternetSum sum;
    if (protocol != kIcmp) {
      sum.AddPseudoHeader(packet_.source, packet_.destination, protocol, static_cast<uint32_t>(cleared.size()));
    }
    sum.Add(cleared);
    right = sum.Checksum();
    if (right == *carried || (right == 0 && *carried == 0xffff)) return;
  }
  if (right == *carried) return;
  packet_.checksum = carried;
  Fault(absl::StrFormat("%s checksum 0x%04x should be 0x%04x", std::string(ProtocolName(protocol)), *carried, right));
}

void Reader::ReadQuoted() {
  Reader quoted(packet_.payload, /*quoted=*/true);
  quoted.ReadBare();
  if (quoted_) return;  // an error about an error is not sent
  Parsed parsed = std::move(quoted).Finish();
  faults_.insert(faults_.end(), parsed.faults.begin(), parsed.faults.end());
}

}  // namespace

Parsed Parse(std::span<const uint8_t> bytes, Framing framing) {
  Reader reader(bytes, /*quoted=*/false);
  if (framing == Framing::kEthernet) {
    reader.ReadEthernet();
  } else {
    reader.ReadBare();
  }
  return std::move(reader).Finish();
}

std::string Mismatch(const Packet& expected, std::span<const uint8_t> bytes) {
  const Framing framing = expected.link ? Framing::kEthernet : Framing::kBare;
  const Parsed actual = Parse(bytes, framing);
  const Parsed wanted = Parse(ToBytes(expected), framing);
  if (actual.packet == wanted.packet && actual.faults == wanted.faults) return "";
  std::string text = absl::StrCat("expected ", ToString(expected), "\n     got ", ToString(actual.packet));
  if (actual.faults != wanted.faults) absl::StrAppend(&text, "\n  faults: ", absl::StrJoin(actual.faults, "; "));
  return text;
}

absl::StatusOr<Packet> Reassembled(std::vector<Packet> fragments) {
  std::sort(fragments.begin(), fragments.end(), [](const Packet& a, const Packet& b) {
    return a.fragment.value_or(FragmentPart()).offset < b.fragment.value_or(FragmentPart()).offset;
  });
  fragments.erase(std::unique(fragments.begin(), fragments.end()), fragments.end());
  Bytes transport;
  for (const Packet& part : fragments) {
    const Packet& first = fragments.front();
    if (!part.fragment) return absl::InvalidArgumentError(absl::StrCat("no fragment: ", ToString(part)));
    if (part.source != first.source || part.destination != first.destination || part.id != first.id ||
        part.protocol != first.protocol) {
      return absl::InvalidArgumentError(absl::StrCat("of another datagram: ", ToString(part)));
    }
    const bool is_last = &part == &fragments.back();
    if (part.fragment->offset != transport.size() || part.fragment->more == is_last) {
      return absl::InvalidArgumentError(absl::StrCat("a part is missing at byte ", transport.size()));
    }
    const Bytes bytes = TransportBytes(part);
    transport.insert(transport.end(), bytes.begin(), bytes.end());
  }
  if (fragments.empty()) return absl::InvalidArgumentError("no fragments");
  Packet whole = fragments.front();
  whole.fragment.reset();
  Parsed parsed = Parse(AroundTransport(whole, transport), whole.link ? Framing::kEthernet : Framing::kBare);
  return std::move(parsed.packet);
}

}  // namespace shunt::packets
