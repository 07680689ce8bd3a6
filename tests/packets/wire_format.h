// SPDX-License-Identifier: Apache-2.0
// What the writer and the parser of this folder agree on. For their use alone.
#ifndef SHUNT_PACKETS_WIRE_FORMAT_H_
#define SHUNT_PACKETS_WIRE_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "tests/packets/packet.h"

namespace shunt::packets {

inline constexpr uint16_t kEtherV4 = 0x0800;
inline constexpr uint16_t kEtherV6 = 0x86dd;
inline constexpr uint16_t kEtherVlan = 0x8100;
inline constexpr uint16_t kDontFragment = 0x4000;
inline constexpr uint16_t kMoreFragments = 0x2000;
inline constexpr uint8_t kFragmentHeader = 44;

// Returns where the checksum is in the transport's header, or nullopt if the protocol has none.
inline std::optional<size_t> ChecksumOffset(uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return 16;
    case kUdp:
      return 6;
    case kSctp:
      return 8;
    case kIcmp:
    case kIcmpV6:
      return 2;
    default:
      return std::nullopt;
  }
}

// Returns the checksum as it is in the transport's bytes, or nullopt if it is not among them.
inline std::optional<uint32_t> CarriedChecksum(uint8_t protocol, std::span<const uint8_t> transport) {
  const std::optional<size_t> field = ChecksumOffset(protocol);
  if (!field || transport.size() < *field + (protocol == kSctp ? 4 : 2)) return std::nullopt;
  const uint8_t* at = transport.data() + *field;
  if (protocol != kSctp) return static_cast<uint32_t>(at[0]) << 8 | at[1];
  return static_cast<uint32_t>(at[3]) << 24 | static_cast<uint32_t>(at[2]) << 16 | static_cast<uint32_t>(at[1]) << 8 |
         at[0];
}

// The packet with the defaults in all that a transport's header tells.
inline Packet WithoutTransportHeader(Packet packet) {
  const Packet defaults;
  packet.source_port = packet.destination_port = 0;
  packet.tcp = defaults.tcp;
  packet.sctp_tag = defaults.sctp_tag;
  packet.icmp = defaults.icmp;
  packet.checksum.reset();
  packet.udp_length.reset();
  return packet;
}

}  // namespace shunt::packets

#endif  // SHUNT_PACKETS_WIRE_FORMAT_H_
