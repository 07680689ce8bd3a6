// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/packet_path.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "userspace/report/testing/scripted_maps.h"

namespace shunt::report {
namespace {

TEST(PacketPathTest, IsOnIfThereIsRoomForFlows) {
  const auto flows = [](uint64_t used, uint64_t capacity) {
    return std::vector<MapFill>{{.name = "flow_rows", .type = "array", .used = used, .capacity = capacity}};
  };
  EXPECT_FALSE(PacketPathOf({}, {}).has_value());
  EXPECT_FALSE(PacketPathOf(flows(0, 1), {}).has_value());
  const std::optional<PacketPathStatus> path =
      PacketPathOf(flows(90, 1024), {{.name = "lo"},
                                     {.name = "eth0", .wanted = true, .in_force = true},
                                     {.name = "eth1", .wanted = true},
                                     {.name = "eth2", .in_force = true}});  // of the pins, which do not tell `wanted`
  ASSERT_TRUE(path.has_value());
  EXPECT_EQ(path->flows, 90u);
  EXPECT_EQ(path->flows_limit, 1024u);
  EXPECT_EQ(path->devices_in_force, 2u);
  EXPECT_EQ(path->devices_missing, 1u);
}

TEST(PacketPathTest, MetricsReadNoFlow) {
  testing::ScriptedMaps maps;
  maps.rows["flow_level"] = {FlowLevelRow{.rounds = 3, .kinds = {{FlowKind::kOpen, 80, 2}}}};
  maps.rows["snat_ports"] = {SnatSetRow{2, 9, 16'384}, SnatSetRow{5, 70, 16'384}, SnatSetRow{6, 1, 16'384}};
  const PacketMetrics metrics = ReadPacketMetrics(maps);
  EXPECT_EQ(metrics.flows.rounds, 3u);
  EXPECT_EQ(metrics.flows.kinds.at(0).rows, 80u);
  EXPECT_EQ(metrics.snat_ports_used, 70u);
  EXPECT_EQ(metrics.snat_ports, 16'384u);
  EXPECT_EQ(maps.dumps, 2);
  maps.rows.clear();
  EXPECT_EQ(ReadPacketMetrics(maps).snat_ports_used, 0u);
}

}  // namespace
}  // namespace shunt::report
