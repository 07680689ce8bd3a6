// SPDX-License-Identifier: Apache-2.0
// What becomes of retired resources, and validity stamps. Maps that are full: limits_test.cc.
#include "userspace/datapath/allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/inventory_fixture.h"

namespace shunt::datapath {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class AllocatorTest : public InventoryFixture {
 protected:
  void Retire(Retired resource) {
    std::vector<Retired> retired;
    retired.push_back(std::move(resource));
    allocator().quarantine().Add(retired);
  }

  Need need_;
};

TEST_F(AllocatorTest, ARetiredPoolIsFreeAfterItsGracePeriodAndMarkedSo) {
  const uint32_t pool = allocator().TakePool(need_);
  ASSERT_TRUE(tables_.pools->StoreWord(pool, 0, 42).ok());
  Retire(PoolId{pool});
  EXPECT_EQ(allocator().Reclaim(10), 0u);
  EXPECT_TRUE(allocator().pools().IsTaken(pool));
  grace_.Pass();
  EXPECT_EQ(allocator().Reclaim(10), 1u);
  EXPECT_FALSE(allocator().pools().IsTaken(pool));
  EXPECT_EQ(SimulatedReader(tables_).PoolWord(pool), 0u);
}

TEST_F(AllocatorTest, ARetiredServicePortKeepsItsNamesInTheTable) {
  const uint32_t index = allocator().TakeServicePort(need_);
  const auto row = EncodeServicePort({{"default", "web"}, "http", 80, model::Protocol::kTcp, model::IpFamily::kV4});
  ASSERT_TRUE(tables_.service_ports->Store(index, BytesOf(*row)).ok());
  Retire(ServicePortIndex{index});
  PassGrace();
  shunt_service_port freed = {};
  ASSERT_TRUE(tables_.service_ports->Load(index, MutableBytesOf(freed)).ok());
  shunt_service_port expected = *row;
  expected.family = 0;
  EXPECT_EQ(BytesOf(freed), BytesOf(expected));
}

TEST_F(AllocatorTest, ASetThatCannotBeFreedWhollyIsContinuedNextTime) {
  BackendSet set = allocator().TakeSet(MakePool({"10.244.0.1", "10.244.0.2"}, 8080), need_);
  ASSERT_TRUE(allocator().backends().Write(set.members).ok());
  Retire(std::move(set));
  FailWrite("backends", 2);
  PassGrace();
  EXPECT_EQ(allocator().backends().ids().taken(), 1u);
  EXPECT_EQ(allocator().slots().taken(), 2u);
  EXPECT_EQ(allocator().Reclaim(10), 1u);
  EXPECT_EQ(allocator().backends().ids().taken(), 0u);
  EXPECT_EQ(allocator().slots().taken(), 0u);
}

TEST_F(AllocatorTest, GivingBackWritesNothing) {
  BackendSet set = allocator().TakeSet(MakePool({"10.244.0.1"}, 8080), need_);
  const uint32_t pool = allocator().TakePool(need_);
  Record();
  allocator().GiveBack(std::move(set));
  allocator().GiveBack(PoolId{pool});
  EXPECT_THAT(written_, IsEmpty());
  EXPECT_THAT(Taken(), ElementsAre(0, 0, 0, 0, 0, 0));
}

TEST_F(AllocatorTest, WithoutGracePeriodsNothingBecomesFree) {
  Retire(PoolId{allocator().TakePool(need_)});
  grace_.set_available(false);
  EXPECT_FALSE(allocator().WaitAndReclaim());
  grace_.set_available(true);
  EXPECT_TRUE(allocator().WaitAndReclaim());
  EXPECT_FALSE(allocator().WaitAndReclaim()) << "nothing is retired any longer";
}

TEST_F(AllocatorTest, ABackendThatIsMissingIsCountedOncePerChange) {
  Limits limits = kLimits;
  limits.backends = 1;
  Create(limits);
  const model::Pool pool = MakePool({"10.244.0.1", "10.244.0.2"}, 8080);
  allocator().TakeSet(pool, need_);
  allocator().TakeSet(pool, need_);
  EXPECT_TRUE(need_.exceeded);
  EXPECT_EQ(need_.backends, 2u);
  EXPECT_EQ(need_.slots, 4u);
}

TEST_F(AllocatorTest, AGenerationIsNeverZeroAndKnownToMetaBeforeItIsUsed) {
  const auto written = [&] {
    shunt_meta meta = {};
    EXPECT_TRUE(tables_.meta->Load(0, MutableBytesOf(meta)).ok());
    return meta.generation;
  };
  shunt_meta meta = {};
  ASSERT_TRUE(tables_.meta->Load(0, MutableBytesOf(meta)).ok());
  meta.generation = SHUNT_POOL_GENERATION_MASK;
  Allocator late(inventory_->tables, meta, grace_);
  EXPECT_EQ(late.NextGeneration(), 1u) << "0 would stand for a retired pool";
  ASSERT_TRUE(late.WriteGeneration().ok());
  EXPECT_EQ(written(), uint64_t{SHUNT_POOL_GENERATION_MASK} + 2);
  Record();
  ASSERT_TRUE(late.WriteGeneration().ok());
  EXPECT_THAT(written_, IsEmpty());
}

TEST_F(AllocatorTest, RenewingAStampChangesOnlyTheGenerationOfAPoolInUse) {
  const uint64_t word = shunt_pool_word(3, 2, SHUNT_EMPTY_NOT, 9);
  ASSERT_TRUE(tables_.pools->StoreWord(0, 0, word).ok());
  ASSERT_TRUE(allocator().RenewStamp(0).ok());
  const uint64_t renewed = SimulatedReader(tables_).PoolWord(0);
  EXPECT_NE(shunt_pool_generation(renewed), 9u);
  EXPECT_EQ(shunt_pool_first(renewed), 3u);
  EXPECT_EQ(shunt_pool_count(renewed), 2u);
  const uint64_t retired = shunt_pool_word(3, 2, SHUNT_EMPTY_NOT, 0);
  ASSERT_TRUE(tables_.pools->StoreWord(1, 0, retired).ok());
  ASSERT_TRUE(allocator().RenewStamp(1).ok());
  EXPECT_EQ(SimulatedReader(tables_).PoolWord(1), retired);
}

}  // namespace
}  // namespace shunt::datapath
