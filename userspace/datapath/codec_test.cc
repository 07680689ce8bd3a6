// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "userspace/datapath/testing/memory_table.h"
#include "userspace/datapath/testing/plans.h"

namespace shunt::datapath {
namespace {

using testing::ElementsAre;

TEST(CodecTest, AFrontendKeyIsTheAbisBytes) {
  const shunt_frontend_key key = EncodeFrontend(Dial("10.96.0.10", 0x1234, model::Protocol::kUdp));
  const auto bytes = FromBytes<std::array<uint8_t, 20>>(BytesOf(key));
  EXPECT_THAT(bytes, ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 96, 0, 10,  // v4-mapped
                                 0x12, 0x34,                                               // network byte order
                                 17, 0));
  EXPECT_EQ(DecodeFrontend(key), Dial("10.96.0.10", 0x1234, model::Protocol::kUdp));
}

TEST(CodecTest, KeysOfEachKindAreToldApart) {
  EXPECT_TRUE(IsAddressKey(EncodeAddressKey(Ip("10.0.0.1"))));
  EXPECT_FALSE(IsAddressKey(EncodeFrontend(Dial("10.0.0.1", 80))));
  struct Case {
    const char* address;
    bool wildcard;
  };
  for (const Case& c : {Case{"0.0.0.0", true}, {"::", true}, {"0.0.0.1", false}, {"::1", false}, {"fd00::", false}}) {
    EXPECT_EQ(IsWildcard(EncodeAddress(Ip(c.address))), c.wildcard) << c.address;
  }
}

TEST(CodecTest, ABackendRoundTrips) {
  const shunt_backend row = EncodeBackend(Socket("fd00::7", 8080));
  EXPECT_EQ(row.in_use, 1);
  EXPECT_EQ(DecodeBackend(row), Socket("fd00::7", 8080));
}

ServicePortIdentity Identity(std::string service_name) {
  return {{"default", std::move(service_name)}, "http", 80, model::Protocol::kTcp, model::IpFamily::kV6};
}

TEST(CodecTest, AServicePortRoundTrips) {
  const auto row = EncodeServicePort(Identity("web"));
  ASSERT_TRUE(row.has_value());
  EXPECT_STREQ(row->service_name, "web");
  EXPECT_EQ(row->port, 80) << "host order";
  EXPECT_EQ(DecodeServicePort(*row), Identity("web"));
}

TEST(CodecTest, NamesThatTheAbiCannotHoldAreRefused) {
  EXPECT_TRUE(EncodeServicePort(Identity(std::string(63, 'a'))).has_value());
  EXPECT_FALSE(EncodeServicePort(Identity(std::string(64, 'a'))).has_value()) << "the NUL does not fit";
  EXPECT_FALSE(EncodeServicePort(Identity("")).has_value());
  EXPECT_FALSE(EncodeServicePort(Identity(std::string("a\0b", 3))).has_value());
}

TEST(CodecTest, AServicePortRowThatNobodyWroteIsNoIdentity) {
  const shunt_service_port good = *EncodeServicePort(Identity("web"));
  struct Case {
    const char* what;
    void (*spoil)(shunt_service_port&);
  };
  const Case cases[] = {
      {"free", [](shunt_service_port& row) { row.family = 0; }},
      {"unknown family", [](shunt_service_port& row) { row.family = 5; }},
      {"unknown protocol", [](shunt_service_port& row) { row.protocol = 1; }},
      {"no NUL", [](shunt_service_port& row) { std::memset(row.port_name, 'x', sizeof(row.port_name)); }},
      {"a byte behind the NUL", [](shunt_service_port& row) { row.service_name[10] = 'x'; }},
      {"no name", [](shunt_service_port& row) { std::memset(row.service_name, 0, sizeof(row.service_name)); }},
  };
  for (const Case& c : cases) {
    shunt_service_port row = good;
    c.spoil(row);
    EXPECT_FALSE(DecodeServicePort(row).has_value()) << c.what;
  }
}

TEST(CodecTest, CountersAreZeroedForEveryCpuAndNobodyElse) {
  MemoryRows rows = {.name = "service_counters",
                     .kind = TableKind::kArray,
                     .key_size = 4,
                     .value_size = sizeof(shunt_service_counters),
                     .capacity = 6,  // two CPUs, stride 3
                     .array = std::vector<std::byte>(6 * sizeof(shunt_service_counters), std::byte{1}),
                     .hash = {}};
  WriteHooks hooks;
  MemoryTable table(rows, hooks);
  const auto zeroes = [&] {
    std::vector<uint32_t> found;
    for (uint32_t row = 0; row < 6; ++row) {
      shunt_service_counters counters = {};
      EXPECT_TRUE(table.Load(row, MutableBytesOf(counters)).ok());
      if (counters.local_misses == 0) found.push_back(row);
    }
    return found;
  };
  ASSERT_TRUE(ZeroCounters(table, 3, {}).ok());
  EXPECT_EQ(zeroes(), (std::vector<uint32_t>{}));
  std::vector<std::vector<uint32_t>> after_each;
  hooks.after = [&](absl::string_view) { after_each.push_back(zeroes()); };
  ASSERT_TRUE(ZeroCounters(table, 3, {0, 1}).ok());
  EXPECT_EQ(after_each, (std::vector<std::vector<uint32_t>>{{0}, {0, 1}, {0, 1, 3}, {0, 1, 3, 4}})) << "CPU by CPU";
}

}  // namespace
}  // namespace shunt::datapath
