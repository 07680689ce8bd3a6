// SPDX-License-Identifier: Apache-2.0
// A packet as one line.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/packets/checksum.h"
#include "tests/packets/packet.h"
#include "tests/packets/parse.h"

namespace shunt::packets {
namespace {

std::string End(const Packet& packet, const model::IpAddress& address, uint16_t port) {
  return packet.HasPorts() && packet.HasTransportHeader() ? address.ToStringWithPort(port) : address.ToString();
}

std::string MacText(const Mac& mac) {
  return absl::StrFormat("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

std::string FlagLetters(uint8_t flags) {
  static constexpr std::pair<uint8_t, char> kLetters[] = {{TcpHeader::kSyn, 'S'}, {TcpHeader::kFin, 'F'},
                                                          {TcpHeader::kRst, 'R'}, {TcpHeader::kPsh, 'P'},
                                                          {TcpHeader::kUrg, 'U'}, {TcpHeader::kAck, '.'}};
  std::string text;
  for (const auto& [flag, letter] : kLetters) {
    if ((flags & flag) != 0) text.push_back(letter);
  }
  return text.empty() ? "none" : text;
}

std::string Transport(const Packet& packet) {
  if (!packet.HasTransportHeader()) return absl::StrCat("protocol ", packet.protocol);
  switch (packet.protocol) {
    case kTcp:
      return absl::StrFormat("tcp %s seq %u ack %u win %u%s", FlagLetters(packet.tcp.flags), packet.tcp.sequence,
                             packet.tcp.acknowledgement, packet.tcp.window,
                             packet.tcp.options.empty() ? "" : absl::StrCat(" options ", packet.tcp.options.size()));
    case kUdp:
      return packet.udp_length ? absl::StrCat("udp of ", *packet.udp_length) : "udp";
    case kSctp:
      return absl::StrFormat("sctp tag %#x chunk %d", packet.sctp_tag, packet.payload.empty() ? -1 : packet.payload[0]);
    case kIcmp:
    case kIcmpV6:
      return absl::StrFormat("%s %u/%u rest %u", packet.protocol == kIcmp ? "icmp" : "icmp6", packet.icmp.type,
                             packet.icmp.code, packet.icmp.rest);
    default:
      return absl::StrCat("protocol ", packet.protocol);
  }
}

std::string Link(const Packet& packet) {
  if (!packet.link) return "no link header, ";
  const LinkHeader& link = *packet.link;
  if (link == LinkHeader()) return "";
  std::string text = absl::StrCat(MacText(link.source), " > ", MacText(link.destination), ", ");
  if (link.vlan) absl::StrAppend(&text, "vlan ", *link.vlan, ", ");
  return text;
}

std::string Network(const Packet& packet) {
  std::string text = absl::StrCat("ttl ", packet.ttl);
  if (packet.traffic_class != 0) absl::StrAppend(&text, ", class ", packet.traffic_class);
  if (packet.flow_label != 0) absl::StrAppend(&text, ", flow label ", packet.flow_label);
  if (packet.id != 0) absl::StrAppend(&text, ", id ", packet.id);
  if (packet.dont_fragment) absl::StrAppend(&text, ", DF");
  if (!packet.ip_options.empty()) absl::StrAppend(&text, ", IP options ", packet.ip_options.size());
  for (const ExtensionHeader& extension : packet.extensions) {
    absl::StrAppend(&text, ", extension ", extension.type, " of ", extension.body.size() + 2);
  }
  if (packet.fragment) {
    absl::StrAppend(&text, ", fragment ", packet.fragment->offset, packet.fragment->more ? "+" : "");
  }
  if (packet.checksum) absl::StrAppend(&text, absl::StrFormat(", checksum 0x%04x", *packet.checksum));
  if (packet.padding != 0) absl::StrAppend(&text, ", padding ", packet.padding);
  return text;
}

}  // namespace

std::string ToString(const Packet& packet) {
  std::string text = absl::StrCat(Link(packet), End(packet, packet.source, packet.source_port), " > ",
                                  End(packet, packet.destination, packet.destination_port), " ", Transport(packet),
                                  ", ", Network(packet));
  if (packet.payload.empty()) return text;
  if (packet.IsIcmpError()) {
    const Parsed quoted = Parse(packet.payload, Framing::kBare);
    return absl::StrCat(text, ", quoting ", packet.payload.size(), " bytes [", ToString(quoted.packet), "]");
  }
  return absl::StrCat(text, absl::StrFormat(", %u bytes %08x", packet.payload.size(), Crc32c(packet.payload)));
}

}  // namespace shunt::packets
