// SPDX-License-Identifier: Apache-2.0
// The packet path's maps are made for builds that had none, are copied with the rest of a plan, and change their size
// only while no flow lives in them.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/maps/open_plan.h"
#include "userspace/datapath/kernel/testing/open_plan_fixture.h"

namespace shunt::datapath {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PacketMapsTest : public OpenPlanTest {};

constexpr const char* kMapsOfPacketPath[] = {"node_ports", "endpoint_filter", "source_ranges", "devices",
                                             "flow_index", "flow_rows",       "flow_taken",    "snat_ports",
                                             "flow_level", "fragments"};

// Upwards: they are made, and everything else goes on. Downwards is AMapMoreOrLessIsACopyToo.
TEST_F(PacketMapsTest, AnEarlierBuildHadNoPacketPath) {
  const OpenedPlan first = OpenInForce();
  Apply(first.maps, {Web(), Dns()});
  for (const char* map : kMapsOfPacketPath) ASSERT_EQ(unlink(first.pins.MapPath(map).c_str()), 0) << map;
  PinFilterOfHalfTheSize(first);
  Limits limits = TinyLimits();
  limits.flows = 1024;
  absl::StatusOr<OpenedPlan> second = Open(limits);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->may_serve) << "the rows for sockets are copied";
  EXPECT_EQ(second->pins.memory.path, first.pins.memory.path);
  EXPECT_EQ(IdOf(second->maps, "socket_state"), IdOf(first.maps, "socket_state"));
  EXPECT_EQ(second->maps.Capacity("flow_rows"), 1024u);
  EXPECT_EQ(PoolWords(second->maps), PoolWords(first.maps));
  EXPECT_EQ(Differences(second->maps, {Web(), Dns()}), 0u);
  EXPECT_THAT(notes_, Contains(HasSubstr("which has all its rows")));
  for (const char* map : kMapsOfPacketPath) EXPECT_EQ(access(second->pins.MapPath(map).c_str(), F_OK), 0) << map;
}

TEST_F(PacketMapsTest, WhatTheAgentTellsPacketsIsCopied) {
  const OpenedPlan first = OpenInForce();
  const absl::StatusOr<Tables> tables = first.maps.OpenTables();
  ASSERT_TRUE(tables.ok());
  const uint32_t device = 2;
  const shunt_source_key range = {.prefix_length = 32, .list = SHUNT_LIST_FIRST, .address = {}};
  ASSERT_TRUE(tables->node_ports->StoreWord(30080 / 64, 0, 7).ok());
  ASSERT_TRUE(tables->endpoint_filter->StoreWord(99, 0, 8).ok());
  ASSERT_TRUE(tables->source_ranges->Put(BytesOf(range), BytesOf(uint32_t{9})).ok());
  ASSERT_TRUE(tables->devices->Put(BytesOf(device), BytesOf(shunt_device{.mtu = 1400})).ok());
  Limits limits = TinyLimits();
  limits.pools = 32;
  const absl::StatusOr<OpenedPlan> second = Open(limits);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->may_serve);
  uint64_t word = 0;
  uint32_t row = 30080 / 64, value = 0;
  EXPECT_EQ(bpf_map_lookup_elem(second->maps.Fd("node_ports"), &row, &word), 0);
  EXPECT_EQ(word, 7u);
  row = 99;
  EXPECT_EQ(bpf_map_lookup_elem(second->maps.Fd("endpoint_filter"), &row, &word), 0);
  EXPECT_EQ(word, 8u);
  EXPECT_EQ(bpf_map_lookup_elem(second->maps.Fd("source_ranges"), &range, &value), 0);
  EXPECT_EQ(value, 9u);
  shunt_device found = {};
  EXPECT_EQ(bpf_map_lookup_elem(second->maps.Fd("devices"), &device, &found), 0);
  EXPECT_EQ(found.mtu, 1400u);
}

// Flows in the shared memory may be of any frontend and backend that the old plan had.
TEST_F(PacketMapsTest, APlanOfAnotherVersionGivesItsFilters) {
  const OpenedPlan first = OpenInForce();
  for (const char* map : {"endpoint_filter", "node_ports"}) {
    const absl::StatusOr<std::unique_ptr<Table>> filter = first.maps.OpenTable(map);
    ASSERT_TRUE((*filter)->StoreWord(99, 0, 8).ok());
  }
  const MapDirectory other = {.path = bpffs_ + "/shunt/plan-v2-1", .version = 2};
  ASSERT_EQ(rename(first.pins.plan.path.c_str(), other.path.c_str()), 0);
  ASSERT_TRUE(Pins().PutInForce({.plan = other, .memory = first.pins.memory}).ok());
  const absl::StatusOr<OpenedPlan> second = Open();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_FALSE(second->may_serve);
  for (const char* map : {"endpoint_filter", "node_ports"}) {
    uint64_t word = 0;
    const uint32_t row = 99;
    EXPECT_EQ(bpf_map_lookup_elem(second->maps.Fd(map), &row, &word), 0);
    EXPECT_EQ(word, 8u) << map;
  }
}

class FlowSizesTest : public OpenPlanTest {
 protected:
  static Limits WithFlows(uint32_t flows) {
    Limits limits = TinyLimits();
    limits.flows = flows;
    return limits;
  }
  static void TakeRow(const MapSet& maps) {
    const absl::StatusOr<std::unique_ptr<Table>> taken = maps.OpenTable("flow_taken");
    ASSERT_TRUE(taken.ok()) << taken.status();
    ASSERT_TRUE((*taken)->StoreWord((*taken)->capacity() - 1, 0, uint64_t{1} << 63).ok());
  }
};

TEST_F(FlowSizesTest, ATableWithoutAFlowIsReplacedAndTheRestIsShared) {
  const OpenedPlan first = OpenInForce(WithFlows(0));
  Apply(first.maps, {Web()});
  std::string memory = first.pins.memory.path;
  for (const uint32_t flows : {1024u, 2048u, 1024u, 0u}) {
    absl::StatusOr<OpenedPlan> next = Open(WithFlows(flows));
    ASSERT_TRUE(next.ok()) << next.status();
    EXPECT_TRUE(next->may_serve);
    EXPECT_THAT(notes_, ElementsAre(HasSubstr(absl::StrCat("rows instead of ", flows == 0 ? 1 : flows))));
    EXPECT_NE(next->pins.memory.path, std::exchange(memory, next->pins.memory.path));
    EXPECT_EQ(next->maps.SizesFound(), WithFlows(flows));
    EXPECT_TRUE(next->maps.OpenTables().ok());
    for (const char* map : {"meta", "socket_state", "socket_peers", "reasons"}) {
      EXPECT_EQ(IdOf(next->maps, map), IdOf(first.maps, map)) << map;
    }
    EXPECT_EQ(Differences(next->maps, {Web()}), 0u);
    ASSERT_TRUE(Pins().PutInForce(next->pins).ok());
    const absl::StatusOr<OpenedPlan> again = Open(WithFlows(flows));
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->pins.plan.path, next->pins.plan.path) << "it is used as it is";
    EXPECT_THAT(notes_, IsEmpty());
  }
}

TEST_F(FlowSizesTest, ATableKeepsItsSizeWhileItHoldsAFlow) {
  const OpenedPlan first = OpenInForce(WithFlows(1024));
  TakeRow(first.maps);
  for (const uint32_t flows : {2048u, 0u}) {
    const absl::StatusOr<OpenedPlan> second = Open(WithFlows(flows));
    ASSERT_TRUE(second.ok()) << second.status();
    EXPECT_THAT(notes_, ElementsAre(AllOf(HasSubstr("map flow_rows keeps its 1024 rows, because it holds flows"),
                                          HasSubstr(absl::StrCat("the ", flows, " that are configured")))));
    EXPECT_EQ(second->pins.plan.path, first.pins.plan.path);
    EXPECT_EQ(second->pins.memory.path, first.pins.memory.path);
    EXPECT_EQ(second->maps.SizesFound(), WithFlows(1024));
  }
  // A take-over for another reason shares it too.
  Limits limits = WithFlows(2048);
  limits.pools = 32;
  const absl::StatusOr<OpenedPlan> third = Open(limits);
  ASSERT_TRUE(third.ok()) << third.status();
  EXPECT_EQ(third->takes_over_from, first.pins.plan.path);
  EXPECT_EQ(IdOf(third->maps, "flow_rows"), IdOf(first.maps, "flow_rows"));
}

TEST_F(FlowSizesTest, SizesAsFoundAreKeptOnRequest) {
  const OpenedPlan first = OpenInForce(WithFlows(1024));
  const absl::StatusOr<OpenedPlan> second = Open(WithFlows(0), PlanSizes::kAsFound);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->pins.plan.path, first.pins.plan.path);
  EXPECT_EQ(second->maps.SizesFound(), WithFlows(1024));
  EXPECT_THAT(notes_, IsEmpty());
}

// A row without its entries, or a port without its row, would never be free.
TEST_F(FlowSizesTest, MapsThatDoNotGoTogetherAreReplacedAndSocketsGoOn) {
  const std::function<void(const OpenedPlan&)> spoils[] = {
      [](const OpenedPlan& plan) { ASSERT_EQ(unlink(plan.pins.MapPath("flow_index").c_str()), 0); },
      [](const OpenedPlan& plan) { ASSERT_EQ(unlink(plan.pins.MapPath("flow_rows").c_str()), 0); },
      [](const OpenedPlan& plan) {
        PinForeign(plan.pins.MapPath("snat_ports"), BPF_MAP_TYPE_ARRAY, 4, 8, 64, BPF_F_MMAPABLE);
      },
      [](const OpenedPlan& plan) {
        PinForeign(plan.pins.MapPath("flow_rows"), BPF_MAP_TYPE_ARRAY, 4, sizeof(shunt_flow), 96, BPF_F_MMAPABLE);
      },
  };
  for (const auto& spoil : spoils) {
    const OpenedPlan first = OpenInForce(WithFlows(1024));
    Apply(first.maps, {Web()});
    TakeRow(first.maps);
    spoil(first);
    const absl::StatusOr<OpenedPlan> second = Open(WithFlows(1024));
    ASSERT_TRUE(second.ok()) << second.status();
    EXPECT_TRUE(second->may_serve);
    EXPECT_THAT(notes_, Contains(HasSubstr("with maps of flows that do not go together")));
    EXPECT_EQ(IdOf(second->maps, "socket_state"), IdOf(first.maps, "socket_state"));
    EXPECT_EQ(second->maps.SizesFound(), WithFlows(1024));
    EXPECT_NE(IdOf(second->maps, "flow_taken"), IdOf(first.maps, "flow_taken"));
    sandbox::RemovePins(bpffs_ + "/shunt");
  }
}

}  // namespace
}  // namespace shunt::datapath
