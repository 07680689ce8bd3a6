// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/pool_match.h"

#include <gtest/gtest.h>

#include <vector>

#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/inventory_fixture.h"

namespace shunt::datapath {
namespace {

// One ServicePort with two published pools: pool 0 has backend 10.244.0.1, pool 1 has 10.244.0.2.
class PoolMatchTest : public InventoryFixture {
 protected:
  PoolMatchTest() {
    model::PortPlan port = MakePort("10.96.0.10", 80, first_);
    port.pools.push_back(second_);
    port.frontends[0].external_pool = 1;
    MustPublish({MakePlan("web", {port})});
  }

  const PortState& Port() { return published().StateOf({"default", "web"}).ports[0]; }

  const model::Pool first_ = MakePool({"10.244.0.1"}, 8080);
  const model::Pool second_ = MakePool({"10.244.0.2"}, 8080);
  const model::Pool other_ = MakePool({"10.244.0.3"}, 8080);
};

TEST_F(PoolMatchTest, HoldsSetComparesWithTheTables) {
  const PoolState& pool = Port().pools[0];
  EXPECT_TRUE(HoldsSet(allocator(), pool, first_));
  EXPECT_FALSE(HoldsSet(allocator(), pool, second_)) << "another backend";
  EXPECT_FALSE(HoldsSet(allocator(), pool, MakePool({"10.244.0.1", "10.244.0.2"}, 8080))) << "more backends";
  EXPECT_FALSE(HoldsSet(allocator(), pool, MakeEmptyPool(model::EmptyPool::kNoEndpoints)));
  shunt_slot slot = {};
  ASSERT_TRUE(tables_.slots->Load(pool.set.run.first, MutableBytesOf(slot)).ok());
  slot.threshold ^= 1;
  ASSERT_TRUE(tables_.slots->Store(pool.set.run.first, BytesOf(slot)).ok());
  EXPECT_FALSE(HoldsSet(allocator(), pool, first_)) << "the slot differs from what was published";
}

TEST_F(PoolMatchTest, APoolWithoutAValidGenerationHoldsNoSet) {
  const PoolState& pool = Port().pools[0];
  ASSERT_TRUE(tables_.pools->StoreWord(pool.id, 0, pool.word & ~uint64_t{SHUNT_POOL_GENERATION_MASK}).ok());
  EXPECT_FALSE(HoldsSet(allocator(), pool, first_));
}

TEST_F(PoolMatchTest, APoolWhoseFrontendsAllStayTakesTheNewSet) {
  PoolMatch match(allocator(), Port());
  match.AddStaying(0, 0);
  const PoolMatch::Result result = match.Match(0, other_);
  EXPECT_EQ(result.pool_id, 0u);
  EXPECT_FALSE(result.unchanged);
}

TEST_F(PoolMatchTest, AnUnchangedSetIsFoundInItsPool) {
  PoolMatch match(allocator(), Port());
  match.AddStaying(0, 0);
  const PoolMatch::Result result = match.Match(0, first_);
  EXPECT_EQ(result.pool_id, 0u);
  EXPECT_TRUE(result.unchanged);
}

TEST_F(PoolMatchTest, AFrontendThatLeavesKeepsThePoolAsItIs) {
  PoolMatch match(allocator(), Port());
  match.AddStaying(0, 0);
  match.AddLeaving(0);
  EXPECT_EQ(match.Match(0, other_).pool_id, kNoId) << "a new pool is needed";
  PoolMatch same(allocator(), Port());
  same.AddStaying(0, 0);
  same.AddLeaving(0);
  EXPECT_EQ(same.Match(0, first_).pool_id, 0u) << "unless the set stays the same";
}

TEST_F(PoolMatchTest, FrontendsThatPartFromOnePoolDoNotChangeIt) {
  PoolMatch match(allocator(), Port());
  match.AddStaying(0, 0);
  match.AddStaying(0, 1);
  EXPECT_EQ(match.Match(0, other_).pool_id, kNoId);
  EXPECT_EQ(match.Match(1, MakePool({"10.244.0.4"}, 8080)).pool_id, kNoId);
}

TEST_F(PoolMatchTest, GivesNoPoolTwice) {
  PoolMatch match(allocator(), Port());
  match.AddStaying(0, 0);
  match.AddStaying(0, 1);
  EXPECT_EQ(match.Match(0, first_).pool_id, 0u);
  EXPECT_EQ(match.Match(1, first_).pool_id, kNoId);
}

TEST_F(PoolMatchTest, APoolThatNoFrontendReadsIsUsedIfItHoldsTheSet) {
  PoolMatch match(allocator(), Port());
  EXPECT_EQ(match.Match(0, other_).pool_id, kNoId) << "it is not changed";
  const PoolMatch::Result result = match.Match(1, second_);
  EXPECT_EQ(result.pool_id, 1u);
  EXPECT_TRUE(result.unchanged);
}

TEST_F(PoolMatchTest, APoolOfAnotherServicePortIsNeverGiven) {
  const PortState nothing;
  PoolMatch match(allocator(), nothing);
  match.AddStaying(0, 0);
  EXPECT_EQ(match.Match(0, first_).pool_id, kNoId);
}

}  // namespace
}  // namespace shunt::datapath
