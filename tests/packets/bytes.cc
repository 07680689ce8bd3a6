// SPDX-License-Identifier: Apache-2.0
// From values to bytes: headers in network byte order, with their checksums.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/packets/checksum.h"
#include "tests/packets/packet.h"
#include "tests/packets/wire_format.h"

namespace shunt::packets {
namespace {

void Append8(Bytes* out, uint32_t value) {
  out->push_back(static_cast<uint8_t>(value));
}

void Append16(Bytes* out, uint32_t value) {
  Append8(out, value >> 8);
  Append8(out, value);
}

void Append32(Bytes* out, uint32_t value) {
  Append16(out, value >> 16);
  Append16(out, value);
}

template <typename Range>
void AppendAll(Bytes* out, const Range& bytes) {
  out->insert(out->end(), bytes.begin(), bytes.end());
}

void AppendAddress(Bytes* out, const model::IpAddress& address) {
  const auto& bytes = address.bytes();
  out->insert(out->end(), bytes.begin() + (address.IsV4() ? 12 : 0), bytes.end());
}

void Store16(Bytes* out, size_t offset, uint16_t value) {
  (*out)[offset] = static_cast<uint8_t>(value >> 8);
  (*out)[offset + 1] = static_cast<uint8_t>(value);
}

// With a checksum of zero.
Bytes TransportHeader(const Packet& packet) {
  Bytes header;
  if (packet.HasPorts()) {
    Append16(&header, packet.source_port);
    Append16(&header, packet.destination_port);
  }
  switch (packet.protocol) {
    case kTcp:
      Append32(&header, packet.tcp.sequence);
      Append32(&header, packet.tcp.acknowledgement);
      Append8(&header, static_cast<uint32_t>(5 + packet.tcp.options.size() / 4) << 4);
      Append8(&header, packet.tcp.flags);
      Append16(&header, packet.tcp.window);
      Append32(&header, 0);
      AppendAll(&header, packet.tcp.options);
      break;
    case kUdp:
      Append16(&header, packet.udp_length.value_or(static_cast<uint16_t>(8 + packet.payload.size())));
      Append16(&header, 0);
      break;
    case kSctp:
      Append32(&header, packet.sctp_tag);
      Append32(&header, 0);
      break;
    case kIcmp:
    case kIcmpV6:
      Append8(&header, packet.icmp.type);
      Append8(&header, packet.icmp.code);
      Append16(&header, 0);
      Append32(&header, packet.icmp.rest);
      break;
    default:
      break;
  }
  return header;
}

uint32_t RightChecksum(const Packet& packet, const Bytes& transport) {
  if (packet.protocol == kSctp) return Crc32c(transport);
  InternetSum sum;
  if (packet.protocol != kIcmp) {
    sum.AddPseudoHeader(packet.source, packet.destination, packet.protocol, static_cast<uint32_t>(transport.size()));
  }
  sum.Add(transport);
  const uint16_t checksum = sum.Checksum();
  return packet.protocol == kUdp && checksum == 0 ? 0xffff : checksum;
}

void AppendV4Header(Bytes* out, const Packet& packet, size_t transport_bytes) {
  const size_t start = out->size();
  const size_t header_bytes = 20 + packet.ip_options.size();
  uint32_t part = packet.dont_fragment ? kDontFragment : 0;
  if (packet.fragment) part |= packet.fragment->offset / 8 | (packet.fragment->more ? kMoreFragments : 0);
  Append8(out, 0x40 | static_cast<uint32_t>(header_bytes / 4));
  Append8(out, packet.traffic_class);
  Append16(out, static_cast<uint32_t>(header_bytes + transport_bytes));
  Append16(out, packet.id);
  Append16(out, part);
  Append8(out, packet.ttl);
  Append8(out, packet.protocol);
  Append16(out, 0);
  AppendAddress(out, packet.source);
  AppendAddress(out, packet.destination);
  AppendAll(out, packet.ip_options);
  InternetSum sum;
  sum.Add(std::span(*out).subspan(start));
  Store16(out, start + 10, sum.Checksum());
}

void AppendV6Header(Bytes* out, const Packet& packet, size_t transport_bytes) {
  Bytes chain;
  uint8_t next = packet.protocol;
  if (packet.fragment) {
    Append8(&chain, next);
    Append8(&chain, 0);
    Append16(&chain, packet.fragment->offset | (packet.fragment->more ? 1 : 0));
    Append32(&chain, packet.id);
    next = kFragmentHeader;
  }
  for (auto extension = packet.extensions.rbegin(); extension != packet.extensions.rend(); ++extension) {
    Bytes header = {next, static_cast<uint8_t>((extension->body.size() + 2) / 8 - 1)};
    AppendAll(&header, extension->body);
    chain.insert(chain.begin(), header.begin(), header.end());
    next = extension->type;
  }
  Append32(out, 6u << 28 | static_cast<uint32_t>(packet.traffic_class) << 20 | packet.flow_label);
  Append16(out, static_cast<uint32_t>(chain.size() + transport_bytes));
  Append8(out, next);
  Append8(out, packet.ttl);
  AppendAddress(out, packet.source);
  AppendAddress(out, packet.destination);
  AppendAll(out, chain);
}

void AppendLinkHeader(Bytes* out, const LinkHeader& link, bool is_v4) {
  AppendAll(out, link.destination);
  AppendAll(out, link.source);
  if (link.vlan) {
    Append16(out, kEtherVlan);
    Append16(out, *link.vlan);
  }
  Append16(out, is_v4 ? kEtherV4 : kEtherV6);
}

}  // namespace

Bytes TransportBytes(const Packet& packet) {
  if (!packet.HasTransportHeader()) return packet.payload;
  Bytes transport = TransportHeader(packet);
  AppendAll(&transport, packet.payload);
  const std::optional<size_t> field = ChecksumOffset(packet.protocol);
  if (!field) return transport;
  const uint32_t checksum = packet.checksum ? *packet.checksum : RightChecksum(packet, transport);
  if (packet.protocol == kSctp) {
    for (int i = 0; i < 4; ++i) transport[*field + i] = static_cast<uint8_t>(checksum >> (8 * i));
  } else {
    Store16(&transport, *field, static_cast<uint16_t>(checksum));
  }
  return transport;
}

Bytes AroundTransport(const Packet& packet, const Bytes& transport) {
  Bytes out;
  if (packet.link) AppendLinkHeader(&out, *packet.link, packet.IsV4());
  if (packet.IsV4()) {
    AppendV4Header(&out, packet, transport.size());
  } else {
    AppendV6Header(&out, packet, transport.size());
  }
  AppendAll(&out, transport);
  out.resize(out.size() + packet.padding, 0);
  return out;
}

Bytes ToBytes(const Packet& packet) {
  return AroundTransport(packet, TransportBytes(packet));
}

std::vector<Packet> Fragments(const Packet& packet, size_t mtu) {
  const Bytes transport = TransportBytes(packet);
  const size_t transport_header = TransportHeader(packet).size();
  Packet part = packet;
  part.fragment = FragmentPart{};
  const size_t ip_header = AroundTransport(part, {}).size() - (packet.link ? packet.link->vlan ? 18 : 14 : 0);
  const size_t step = mtu > ip_header ? (mtu - ip_header) / 8 * 8 : 0;
  if (step == 0 || step < transport_header) {
    std::fprintf(stderr, "an MTU of %zu does not hold the headers of %s\n", mtu, ToString(packet).c_str());
    std::abort();
  }
  std::vector<Packet> parts;
  for (size_t offset = 0; offset < transport.size(); offset += step) {
    const size_t end = std::min(offset + step, transport.size());
    part.fragment = FragmentPart{.offset = static_cast<uint16_t>(offset), .more = end < transport.size()};
    if (offset != 0) part = WithoutTransportHeader(std::move(part));
    part.payload.assign(transport.begin() + offset + (offset == 0 ? transport_header : 0), transport.begin() + end);
    if (offset == 0 && part.fragment->more) {
      part.checksum = CarriedChecksum(packet.protocol, transport);
      if (packet.protocol == kUdp) part.udp_length = static_cast<uint16_t>(transport.size());
    }
    parts.push_back(part);
  }
  return parts;
}

}  // namespace shunt::packets
