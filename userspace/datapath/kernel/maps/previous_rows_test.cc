// SPDX-License-Identifier: Apache-2.0
// Another number of rows for sockets is another memory: it shares everything but the rows, and keeps those of before
// for as long as a socket has one.
#include "userspace/datapath/kernel/maps/previous_rows.h"

#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <cstdint>

#include "userspace/datapath/kernel/maps/open_plan.h"
#include "userspace/datapath/kernel/testing/map_id.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::datapath {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PreviousRowsTest : public SandboxTest {
 protected:
  // Opens the plan as an agent with this limit does, and puts it in force.
  OpenedPlan Open(uint32_t sockets, PlanSizes sizes = PlanSizes::kConfigured) {
    const absl::StatusOr<PinDirectory> pins = PinDirectory::OpenOrCreate(bpffs_);
    EXPECT_TRUE(pins.ok()) << pins.status();
    Limits limits = TinyLimits();
    limits.sockets = sockets;
    notes_.clear();
    absl::StatusOr<OpenedPlan> plan = OpenPlan(*pins, limits, sizes, &notes_);
    EXPECT_TRUE(plan.ok()) << plan.status();
    EXPECT_TRUE(pins->PutInForce(plan->pins).ok());
    return *std::move(plan);
  }

  static void SetTaken(const OpenedPlan& plan, const char* map, uint64_t bits) {
    const uint32_t word = 0;
    ASSERT_EQ(bpf_map_update_elem(plan.maps.Fd(map), &word, &bits, BPF_ANY), 0);
  }

  std::vector<std::string> notes_;
};

TEST_F(PreviousRowsTest, ANewSizeSharesEverythingElse) {
  const OpenedPlan first = Open(64);
  EXPECT_FALSE(first.maps.HasPreviousRows());
  EXPECT_EQ(*PreviousRowsAreOpen(first.maps), false);
  const OpenedPlan second = Open(256);
  EXPECT_TRUE(second.may_serve);
  EXPECT_EQ(second.takes_over_from, first.pins.plan.path);
  EXPECT_EQ(second.pins.memory.path, bpffs_ + "/shunt/memory-v1-2");
  EXPECT_THAT(notes_, ElementsAre(AllOf(HasSubstr("map socket_state with 64 rows instead of 256"),
                                        HasSubstr("which has all its rows"))));
  EXPECT_EQ(second.maps.Capacity("socket_state"), 256u);
  EXPECT_EQ(second.maps.Capacity("socket_taken"), 4u);
  EXPECT_EQ(IdOf(second.maps, "previous_state"), IdOf(first.maps, "socket_state"));
  EXPECT_EQ(IdOf(second.maps, "previous_taken"), IdOf(first.maps, "socket_taken"));
  for (const char* shared : {"meta", "reasons", "source_versions", "socket_storage", "socket_near_peers",
                             "socket_peers", "socket_peer_counts"}) {
    EXPECT_EQ(IdOf(second.maps, shared), IdOf(first.maps, shared)) << shared;
  }
  EXPECT_EQ(*PreviousRowsAreOpen(second.maps), true);
  EXPECT_TRUE(MapSet::OpenReadOnly(second.pins).ok());
  const OpenedPlan third = Open(256);
  EXPECT_EQ(third.takes_over_from, "") << "it fits";
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(PreviousRowsTest, TheyStayUntilTheyAreClosedAndNoSocketHasOne) {
  SetTaken(Open(64), "socket_taken", 1u << 5);
  {
    const OpenedPlan resized = Open(128);
    EXPECT_EQ(*PreviousRowsAreDone(resized.maps), false);
    ASSERT_TRUE(ClosePreviousRows(resized.maps).ok());
    EXPECT_EQ(*PreviousRowsAreOpen(resized.maps), false);
    EXPECT_EQ(*PreviousRowsAreDone(resized.maps), false) << "a socket has one";
  }
  const OpenedPlan kept = Open(256);
  EXPECT_EQ(kept.maps.Capacity("socket_state"), 128u) << "there is no third size";
  EXPECT_EQ(kept.maps.Capacity("previous_state"), 64u);
  EXPECT_THAT(notes_,
              ElementsAre(AllOf(HasSubstr("keeps its 128 rows: the 256 that are configured"),
                                HasSubstr("one of the 64 rows of before"), HasSubstr("or after `shuntd cleanup`"))));
  SetTaken(kept, "previous_taken", 0);
  EXPECT_EQ(*PreviousRowsAreDone(kept.maps), true);
  EXPECT_EQ(Open(256, PlanSizes::kAsFound).pins.memory.path, kept.pins.memory.path) << "the programs in force use it";

  const OpenedPlan next = Open(256);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("with 64 previous rows that no socket has, map socket_state with 128")));
  EXPECT_EQ(next.maps.Capacity("socket_state"), 256u);
  EXPECT_EQ(IdOf(next.maps, "previous_state"), IdOf(kept.maps, "socket_state"));
  EXPECT_EQ(*PreviousRowsAreOpen(next.maps), true) << "what was closed was another map";

  ASSERT_TRUE(ClosePreviousRows(next.maps).ok());
  const OpenedPlan last = Open(256);
  EXPECT_FALSE(last.maps.HasPreviousRows());
  EXPECT_EQ(IdOf(last.maps, "socket_state"), IdOf(next.maps, "socket_state"));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("with 128 previous rows that no socket has")));
}

// A program may still claim a row in them: it is of an agent that was killed while it took over.
TEST_F(PreviousRowsTest, AsLongAsTheyAreOpenTheyStayThoughTheyAreEmpty) {
  (void)Open(64);
  const uint32_t id = IdOf(Open(128).maps, "previous_taken");
  EXPECT_EQ(IdOf(Open(128).maps, "previous_taken"), id);
  EXPECT_EQ(IdOf(Open(64).maps, "previous_taken"), id);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("keeps its 128 rows")));
}

TEST_F(PreviousRowsTest, TwoMapsThatDoNotBelongTogetherAreNeverUsed) {
  (void)Open(64);
  const OpenedPlan resized = Open(128);
  ASSERT_EQ(unlink(resized.pins.MapPath("previous_taken").c_str()), 0);
  const OpenedPlan next = Open(128);
  EXPECT_FALSE(next.may_serve);
  EXPECT_THAT(notes_, Contains(AllOf(HasSubstr("its 64 rows do not go with the 0 words of previous_taken"),
                                     HasSubstr("show their pod's address"))));
}

}  // namespace
}  // namespace shunt::datapath
