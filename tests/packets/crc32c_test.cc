// SPDX-License-Identifier: Apache-2.0
// The arithmetic of SCTP's checksum in the programs: its tables against polynomials that are multiplied out bit by bit,
// its result against the checksum of the whole packet.
#include "bpf/packet/crc32c.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "tests/packets/checksum.h"
#include "tests/packets/packet.h"
#include "tests/seeds.h"

namespace shunt::packets {
namespace {

// Bit 31 becomes bit 0 and so on.
uint32_t Reflected(uint32_t value) {
  uint32_t reflected = 0;
  for (int bit = 0; bit < 32; ++bit) reflected |= (value >> bit & 1) << (31 - bit);
  return reflected;
}

// Returns value * x^8 modulo the CRC's polynomial of RFC 9260, appendix A: bit 0 is the coefficient of x^0.
uint32_t TimesByte(uint32_t value) {
  constexpr uint32_t kPolynomial = 0x1edc6f41;
  for (int bit = 0; bit < 8; ++bit) value = value << 1 ^ ((value >> 31) != 0 ? kPolynomial : 0);
  return value;
}

TEST(Crc32cTest, TheTablesArePowersOfX) {
  uint32_t power = 1;
  for (int bytes = 0; bytes < 65536; ++bytes) {
    if (bytes < 256) {
      ASSERT_EQ(shunt_crc32c_bytes[bytes], Reflected(power)) << bytes;
    }
    if (bytes % 256 == 0) {
      ASSERT_EQ(shunt_crc32c_pages[bytes / 256], Reflected(power)) << bytes;
    }
    power = TimesByte(power);
  }
}

class Crc32cOfPacketsTest : public testing::Test {
 protected:
  // Gives a packet of this length other ports, and compares the checksum with that of the whole.
  void Check(size_t length) {
    Bytes packet(length);
    for (uint8_t& byte : packet) byte = static_cast<uint8_t>(random_());
    std::memset(packet.data() + 8, 0, 4);  // the checksum itself
    const uint32_t before = Crc32c(packet), ports = FirstWord(packet);
    for (size_t i = 0; i < 4; ++i) packet[i] = static_cast<uint8_t>(random_());
    const uint32_t change = shunt_crc32c_change(ports ^ FirstWord(packet), static_cast<uint32_t>(length));
    ASSERT_EQ(before ^ change, Crc32c(packet)) << length << " bytes";
  }

  static uint32_t FirstWord(const Bytes& packet) {
    uint32_t word = 0;
    std::memcpy(&word, packet.data(), sizeof(word));
    return word;
  }

  std::mt19937 random_;
};

TEST_F(Crc32cOfPacketsTest, RandomPacketsHaveTheChecksumOfTheWhole) {
  const uint32_t seed = seeds::Usually(1);
  SCOPED_TRACE(seeds::Trace(seed));
  random_.seed(seed);
  for (int i = 0; i < 20'000 && !HasFatalFailure(); ++i) Check(12 + random_() % 3289);
}

TEST_F(Crc32cOfPacketsTest, TheShortestAndTheLongestToo) {
  for (const size_t length : {12, 13, 16, 255, 256, 257, 511, 512, 65'279, 65'280, 65'534, 65'535}) Check(length);
}

TEST(Crc32cTest, PortsThatStayChangeNothing) {
  for (const uint32_t length : {12u, 1480u, 65'535u}) EXPECT_EQ(shunt_crc32c_change(0, length), 0u);
}

}  // namespace
}  // namespace shunt::packets
