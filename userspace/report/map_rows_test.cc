// SPDX-License-Identifier: Apache-2.0
// The words of the admin API, which programs may compare.
#include "userspace/report/map_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::report {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MapRowsTest, FlagsOfFrontendsHaveNames) {
  EXPECT_THAT(FlagNames(FrontendFlags()), IsEmpty());
  EXPECT_THAT(FlagNames(FrontendFlags{.node_in_ranges = true}), ElementsAre("node_in_ranges"));
  const FrontendFlags all = {.source_ranges = true,
                             .node_in_ranges = true,
                             .snat = true,
                             .snat_inside = true,
                             .node_address = true,
                             .host_only = true,
                             .cluster_ip = true};
  EXPECT_THAT(FlagNames(all), ElementsAre("source_ranges", "node_in_ranges", "snat", "snat_inside", "node_address",
                                          "host_only", "cluster_ip"));
}

TEST(MapRowsTest, FlagsOfSocketsHaveNames) {
  EXPECT_THAT(FlagNames(SocketFlags()), IsEmpty());
  EXPECT_THAT(FlagNames(SocketFlags{.translated = true, .peers = true}), ElementsAre("translated", "peers"));
  EXPECT_THAT(FlagNames(SocketFlags{.exempt = true}), ElementsAre("exempt"));
  EXPECT_THAT(FlagNames(SocketFlags{.answers = true, .direct = true, .unserved = true}),
              ElementsAre("answers", "direct", "unserved"));
}

TEST(MapRowsTest, FlagsAndStatesOfFlowsHaveNames) {
  EXPECT_THAT(FlagNames(FlowFlags()), IsEmpty());
  EXPECT_THAT(FlagNames(FlowFlags{.snat = true, .host = true}), ElementsAre("snat", "host"));
  const FlowState all = {.settled = true,
                         .replied = true,
                         .confirmed = true,
                         .fin_forward = true,
                         .fin_reverse = true,
                         .reset = true,
                         .retired = true,
                         .withdrawn = true};
  EXPECT_THAT(FlagNames(all), ElementsAre("settled", "replied", "confirmed", "fin_forward", "fin_reverse", "reset",
                                          "retired", "withdrawn"));
  EXPECT_THAT(FlagNames(FlowState{.fin_reverse = true}), ElementsAre("fin_reverse"));
  EXPECT_EQ(FlowModeName(FlowMode::kStack), "stack");
  EXPECT_EQ(FlowModeName(FlowMode::kRedirect), "redirect");
}

TEST(MapRowsTest, RolesOfDevicesHaveNames) {
  EXPECT_EQ(DeviceRoleName(DeviceRole::kExternal), "external");
  EXPECT_EQ(DeviceRoleName(DeviceRole::kPod), "pod");
  EXPECT_EQ(DeviceRoleName(DeviceRole::kOverlay), "overlay");
}

TEST(MapRowsTest, EmptyPoolsAndDirectionsHaveNames) {
  EXPECT_EQ(EmptyPoolName(model::EmptyPool::kNoEndpoints), "no_endpoints");
  EXPECT_EQ(EmptyPoolName(model::EmptyPool::kLocalMiss), "local_miss");
  EXPECT_EQ(PeerDirectionName(PeerDirection::kForward), "forward");
  EXPECT_EQ(PeerDirectionName(PeerDirection::kReverse), "reverse");
}

}  // namespace
}  // namespace shunt::report
