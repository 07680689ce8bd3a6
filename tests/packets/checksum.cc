// SPDX-License-Identifier: Apache-2.0
#include "tests/packets/checksum.h"

#include <cstddef>

namespace shunt::packets {

void InternetSum::Add(std::span<const uint8_t> bytes) {
  for (size_t i = 0; i < bytes.size(); i += 2) {
    const uint32_t low = i + 1 < bytes.size() ? bytes[i + 1] : 0;
    sum_ += static_cast<uint32_t>(bytes[i]) << 8 | low;
  }
}

void InternetSum::AddPseudoHeader(const model::IpAddress& source, const model::IpAddress& destination, uint8_t protocol,
                                  uint32_t length) {
  const size_t skipped = source.IsV4() ? 12 : 0;
  Add(std::span(source.bytes()).subspan(skipped));
  Add(std::span(destination.bytes()).subspan(skipped));
  sum_ += protocol;
  sum_ += (length >> 16) + (length & 0xffff);
}

uint16_t InternetSum::Folded() const {
  uint64_t sum = sum_;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

uint32_t Crc32c(std::span<const uint8_t> bytes) {
  constexpr uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, reflected
  uint32_t crc = 0xffffffff;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
  }
  return ~crc;
}

}  // namespace shunt::packets
