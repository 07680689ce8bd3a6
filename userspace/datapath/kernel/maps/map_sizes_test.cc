// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/map_sizes.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "bpf/abi.h"

namespace shunt::datapath {
namespace {

TEST(MapSizes, FollowFromTheLimits) {
  Limits limits;
  limits.frontends = 100'000;
  struct Row {
    const char* map;
    uint64_t rows;
  };
  const Row rows[] = {
      {"frontend_rows", 100'000},       {"frontend_index", 32'768},  // 7 entries a bucket, at least 200,000 in all
      {"socket_state", 262'144},        {"socket_taken", 4'096},           {"service_ports", 32'768},
      {"service_counters", 4 * 32'768}, {"backend_counters", 4 * 131'072}, {"reasons", 4 * SHUNT_REASON_STRIDE},
  };
  for (const Row& row : rows) EXPECT_EQ(RowsOf(row.map, limits, 4), row.rows) << row.map;
  EXPECT_EQ(RowsOf("meta", limits, 4), std::nullopt);
  EXPECT_EQ(RowsOf("prefix_filter", limits, 4), std::nullopt);
  Limits found =
      LimitsOf([&limits](const std::string& map) { return static_cast<uint32_t>(RowsOf(map, limits, 4).value_or(0)); });
  EXPECT_EQ(found, limits);
}

TEST(CheckLimits, NamesTheLimitThatIsOutOfRange) {
  struct Row {
    uint32_t Limits::* limit;
    uint32_t value;
    const char* message;
  };
  const Row rows[] = {
      {&Limits::pools, 0, "limit pools is 0, not from 1 to 16777216"},
      {&Limits::slots, (1u << 24) + 1, "limit slots is 16777217, not from 1 to 16777216"},
      {&Limits::socket_peers, (1u << 24) + 1, "limit socket_peers is 16777217, not from 1 to 16777216"},
      {&Limits::sockets, 100'000, "limit sockets is 100000, not a power of two from 64 on"},
  };
  EXPECT_TRUE(CheckLimits({}).ok());
  for (const Row& row : rows) {
    Limits limits;
    limits.*row.limit = row.value;
    EXPECT_EQ(CheckLimits(limits).message(), row.message);
  }
}

}  // namespace
}  // namespace shunt::datapath
