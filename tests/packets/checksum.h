// SPDX-License-Identifier: Apache-2.0
// The checksums of IP, its transports and SCTP, computed over whole packets: what the programs' arithmetic is held
// against. They are written for clarity, and share no line with the programs.
#ifndef SHUNT_PACKETS_CHECKSUM_H_
#define SHUNT_PACKETS_CHECKSUM_H_

#include <cstdint>
#include <span>

#include "userspace/model/ip_address.h"

namespace shunt::packets {

// RFC 1071. The sum of what was added, as 16-bit words in network byte order.
class InternetSum {
 public:
  // An odd number of bytes is filled up by a zero, so only the last piece may have one.
  void Add(std::span<const uint8_t> bytes);
  // RFC 793, RFC 8200: addresses, length and protocol. REQUIRES: addresses of one family.
  void AddPseudoHeader(const model::IpAddress& source, const model::IpAddress& destination, uint8_t protocol,
                       uint32_t length);
  // Returns the sum folded to 16 bits and not inverted: 0xffff over bytes that include their right checksum.
  uint16_t Folded() const;
  // Returns the checksum that belongs in the field, if the field was added as zero.
  uint16_t Checksum() const { return static_cast<uint16_t>(~Folded()); }

 private:
  uint64_t sum_ = 0;
};

// RFC 9260, appendix A: the value of the field as the 32-bit number that is stored in little-endian order. REQUIRES:
// the field is zero in `bytes`.
uint32_t Crc32c(std::span<const uint8_t> bytes);

}  // namespace shunt::packets

#endif  // SHUNT_PACKETS_CHECKSUM_H_
