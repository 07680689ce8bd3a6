// SPDX-License-Identifier: Apache-2.0
#include "tests/packets/packet.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"

namespace shunt::packets {
namespace {

[[noreturn]] void Refuse(absl::string_view text, const char* wanted) {
  std::fprintf(stderr, "'%.*s' is not %s\n", static_cast<int>(text.size()), text.data(), wanted);
  std::abort();
}

model::IpAddress AddressOf(absl::string_view text) {
  const auto address = model::IpAddress::Parse(text);
  if (!address) Refuse(text, "an address without a port");
  return *address;
}

struct End {
  model::IpAddress address;
  uint16_t port = 0;
};

End EndOf(absl::string_view text) {
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(text.substr(colon + 1), &port) || port > 65535) {
    Refuse(text, "an address with a port");
  }
  absl::string_view address = text.substr(0, colon);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  return {AddressOf(address), static_cast<uint16_t>(port)};
}

Packet WithPorts(absl::string_view from, absl::string_view to, uint8_t protocol) {
  Packet packet;
  packet.protocol = protocol;
  packet = packet.From(from).To(to);
  if (packet.source.IsV4() != packet.destination.IsV4()) Refuse(to, "of the source's family");
  return packet;
}

}  // namespace

bool Packet::IsIcmpError() const {
  if (!HasTransportHeader()) return false;
  if (protocol == kIcmpV6) return icmp.type >= 1 && icmp.type <= 4;
  return protocol == kIcmp && (icmp.type == 3 || icmp.type == 11 || icmp.type == 12);
}

Packet& Packet::WithoutLinkHeader() {
  link.reset();
  return *this;
}

Packet& Packet::Macs(const Mac& from, const Mac& to) {
  if (!link) link.emplace();
  link->source = from;
  link->destination = to;
  return *this;
}

Packet& Packet::Vlan(uint16_t vlan) {
  if (!link) link.emplace();
  link->vlan = vlan;
  return *this;
}

Packet& Packet::Padding(size_t bytes) {
  padding = bytes;
  return *this;
}

Packet& Packet::Ttl(uint8_t value) {
  ttl = value;
  return *this;
}

Packet& Packet::TrafficClass(uint8_t value) {
  traffic_class = value;
  return *this;
}

Packet& Packet::Id(uint32_t value) {
  id = value;
  return *this;
}

Packet& Packet::DontFragment() {
  dont_fragment = true;
  return *this;
}

Packet& Packet::IpOptions(size_t bytes) {
  ip_options.assign(bytes, 1);
  if (bytes != 0) ip_options.back() = 0;
  return *this;
}

Packet& Packet::Extension(uint8_t type, size_t bytes) {
  ExtensionHeader header{.type = type, .body = Bytes(bytes - 2, 0)};
  if (type == kRouting) {
    header.body[0] = 253;  // an experimental type, with no segment left
  } else {
    header.body[0] = 1;  // PadN
    header.body[1] = static_cast<uint8_t>(bytes - 4);
  }
  extensions.push_back(std::move(header));
  return *this;
}

Packet& Packet::Part(uint16_t offset, bool more) {
  fragment = FragmentPart{.offset = offset, .more = more};
  return *this;
}

Packet& Packet::Flags(uint8_t flags) {
  tcp.flags = flags;
  return *this;
}

Packet& Packet::Syn() {
  return Flags(TcpHeader::kSyn);
}

Packet& Packet::SynAck() {
  return Flags(TcpHeader::kSyn | TcpHeader::kAck);
}

Packet& Packet::Ack() {
  return Flags(TcpHeader::kAck);
}

Packet& Packet::Fin() {
  return Flags(TcpHeader::kFin | TcpHeader::kAck);
}

Packet& Packet::Reset() {
  return Flags(TcpHeader::kRst);
}

Packet& Packet::Sequence(uint32_t value) {
  tcp.sequence = value;
  return *this;
}

Packet& Packet::Acknowledgement(uint32_t value) {
  tcp.acknowledgement = value;
  return *this;
}

Packet& Packet::Window(uint16_t value) {
  tcp.window = value;
  return *this;
}

Packet& Packet::TcpOptions(size_t bytes) {
  tcp.options.assign(bytes, 1);
  return *this;
}

Packet& Packet::Chunk(uint8_t type, size_t bytes) {
  const size_t length = bytes + 4;
  payload.insert(payload.end(), {type, 0, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)});
  for (size_t i = 0; i < bytes; ++i) payload.push_back(static_cast<uint8_t>(i * 7 + 3));
  while (payload.size() % 4 != 0) payload.push_back(0);
  return *this;
}

Packet& Packet::Init() {
  sctp_tag = 0;  // RFC 9260, 8.5.1
  return Chunk(kSctpInit);
}

Packet& Packet::InitAck() {
  return Chunk(kSctpInitAck);
}

Packet& Packet::Abort() {
  return Chunk(kSctpAbort, 0);
}

Packet& Packet::ShutdownComplete() {
  return Chunk(kSctpShutdownComplete, 0);
}

Packet& Packet::SctpTag(uint32_t value) {
  sctp_tag = value;
  return *this;
}

Packet& Packet::Payload(size_t bytes) {
  payload.resize(bytes);
  for (size_t i = 0; i < bytes; ++i) payload[i] = static_cast<uint8_t>(i * 31 + (i >> 8) + 1);
  return *this;
}

Packet& Packet::Payload(absl::string_view text) {
  payload.assign(text.begin(), text.end());
  return *this;
}

Packet& Packet::Quoting(const Packet& packet, size_t bytes_max) {
  Packet bare = packet;
  bare.link.reset();
  bare.padding = 0;
  payload = ToBytes(bare);
  if (payload.size() > bytes_max) payload.resize(bytes_max);
  return *this;
}

Packet& Packet::QuotingWords(const Packet& packet, size_t bytes_max) {
  Quoting(packet, bytes_max);
  payload.resize(payload.size() / 4 * 4);
  return *this;
}

Packet& Packet::NoChecksum() {
  return Checksum(0);
}

Packet& Packet::Checksum(uint32_t value) {
  checksum = value;
  return *this;
}

Packet Packet::From(absl::string_view address) const {
  Packet changed = *this;
  const End end = HasPorts() ? EndOf(address) : End{.address = AddressOf(address)};
  changed.source = end.address;
  changed.source_port = end.port;
  return changed;
}

Packet Packet::To(absl::string_view address) const {
  Packet changed = *this;
  const End end = HasPorts() ? EndOf(address) : End{.address = AddressOf(address)};
  changed.destination = end.address;
  changed.destination_port = end.port;
  return changed;
}

Packet Tcp(absl::string_view from, absl::string_view to) {
  return WithPorts(from, to, kTcp);
}

Packet Udp(absl::string_view from, absl::string_view to) {
  return WithPorts(from, to, kUdp);
}

Packet Sctp(absl::string_view from, absl::string_view to) {
  return WithPorts(from, to, kSctp);
}

Packet OtherProtocol(absl::string_view from, absl::string_view to, uint8_t protocol) {
  return WithPorts(from, to, protocol);
}

Packet Icmp(absl::string_view from, absl::string_view to, uint8_t type, uint8_t code, uint32_t rest) {
  Packet packet = WithPorts(from, to, kIcmp);
  if (!packet.IsV4()) packet.protocol = kIcmpV6;
  packet.icmp = {.type = type, .code = code, .rest = rest};
  return packet;
}

Packet PortUnreachable(absl::string_view from, absl::string_view to) {
  const bool is_v4 = AddressOf(from).IsV4();
  return Icmp(from, to, is_v4 ? 3 : 1, is_v4 ? 3 : 4);
}

Packet TooBig(absl::string_view from, absl::string_view to, uint32_t mtu) {
  const bool is_v4 = AddressOf(from).IsV4();
  return Icmp(from, to, is_v4 ? 3 : 2, is_v4 ? 4 : 0, mtu);
}

Packet TimeExceeded(absl::string_view from, absl::string_view to) {
  return Icmp(from, to, AddressOf(from).IsV4() ? 11 : 3, 0);
}

Packet EchoRequest(absl::string_view from, absl::string_view to, uint16_t identifier) {
  return Icmp(from, to, AddressOf(from).IsV4() ? 8 : 128, 0, static_cast<uint32_t>(identifier) << 16 | 1);
}

Packet EchoReply(absl::string_view from, absl::string_view to, uint16_t identifier) {
  return Icmp(from, to, AddressOf(from).IsV4() ? 0 : 129, 0, static_cast<uint32_t>(identifier) << 16 | 1);
}

std::vector<Bytes> Prefixes(const Bytes& bytes) {
  std::vector<Bytes> prefixes;
  for (size_t size = 0; size < bytes.size(); ++size) prefixes.emplace_back(bytes.begin(), bytes.begin() + size);
  return prefixes;
}

}  // namespace shunt::packets
