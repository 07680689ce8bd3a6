// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/map_sizes.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "bpf/abi.h"
#include "bpf/packet_abi.h"

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

TEST(MapSizes, ThePacketPathsFollowFromTheLimitOnFlows) {
  struct Row {
    uint32_t flows;
    uint64_t index, rows, taken, snat_sets, fragments;
  };
  const Row rows[] = {
      {0, 1, 1, 1, 1, 1},  // off
      {1024, 1024, 1024, 16, 4, 8192},
      {262'144, 262'144, 262'144, 4096, 1024, 8192},
      {1u << 24, 1u << 24, 1u << 24, 1u << 18, 1u << 16, 8192},
  };
  for (const Row& row : rows) {
    Limits limits;
    limits.flows = row.flows;
    ASSERT_TRUE(CheckLimits(limits).ok()) << row.flows;
    EXPECT_EQ(RowsOf("flow_index", limits, 4), row.index) << row.flows;
    EXPECT_EQ(RowsOf("flow_rows", limits, 4), row.rows) << row.flows;
    EXPECT_EQ(RowsOf("flow_taken", limits, 4), row.taken) << row.flows;
    EXPECT_EQ(RowsOf("snat_ports", limits, 4), row.snat_sets * SHUNT_SNAT_WORDS) << row.flows;
    EXPECT_EQ(RowsOf("fragments", limits, 4), row.fragments) << row.flows;
    for (const char* map : {"node_ports", "endpoint_filter", "source_ranges", "devices", "flow_level"}) {
      EXPECT_EQ(RowsOf(map, limits, 4), std::nullopt) << map;
    }
    if (row.flows > 0) {
      EXPECT_GE(row.index * SHUNT_FLOW_ENTRIES, uint64_t{4} * row.flows) << "at most half are taken";
    }
    const Limits found = LimitsOf(
        [&limits](const std::string& map) { return static_cast<uint32_t>(RowsOf(map, limits, 4).value_or(0)); });
    EXPECT_EQ(found, limits);
  }
  EXPECT_EQ(LimitsOf([](const std::string&) { return 0u; }).flows, 0u) << "an earlier build has no such map";
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
      {&Limits::flows, 100'000, "limit flows is 100000, not 0 or a power of two from 1024 to 16777216"},
      {&Limits::flows, 512, "limit flows is 512, not 0 or a power of two from 1024 to 16777216"},
      {&Limits::flows, 1u << 25, "limit flows is 33554432, not 0 or a power of two from 1024 to 16777216"},
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
