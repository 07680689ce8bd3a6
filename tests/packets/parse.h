// SPDX-License-Identifier: Apache-2.0
// From bytes back to a value, with everything checked that a receiver could check.
#ifndef SHUNT_PACKETS_PARSE_H_
#define SHUNT_PACKETS_PARSE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/packets/packet.h"

namespace shunt::packets {

enum class Framing {
  kEthernet,
  kBare,  // begins with the IP header
};

struct Parsed {
  Packet packet;  // up to the first thing that cannot be read
  // What is wrong, one sentence each: a length that does not fit, a checksum with the value that it should have. An
  // ICMP error's quoted packet is read too: its faults begin with "quoted: ". A quoted packet may end early; then its
  // transport's checksum is not checked.
  std::vector<std::string> faults;
};

// A packet without faults is the value for which ToBytes() gives the same bytes, except that a checksum of the Internet
// kind may be either of its two zeros.
Parsed Parse(std::span<const uint8_t> bytes, Framing framing = Framing::kEthernet);

// Returns an empty text if `bytes` are the expected packet, else both as lines and the faults. What is wrong with the
// expected packet itself (a checksum that was set) must be wrong with `bytes` in the same way.
std::string Mismatch(const Packet& expected, std::span<const uint8_t> bytes);

}  // namespace shunt::packets

#endif  // SHUNT_PACKETS_PARSE_H_
