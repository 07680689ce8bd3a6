// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/id_pool.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <set>

#include "tests/seeds.h"

namespace shunt::datapath {
namespace {

TEST(IdPoolTest, GivesTheLowestFreeIdFirst) {
  IdPool ids(4);
  EXPECT_EQ(ids.Allocate(), 0u);
  EXPECT_EQ(ids.Allocate(), 1u);
  EXPECT_EQ(ids.Allocate(), 2u);
  ids.Free(1);
  ids.Free(0);
  EXPECT_EQ(ids.Allocate(), 0u);
  EXPECT_EQ(ids.Allocate(), 1u);
  EXPECT_EQ(ids.Allocate(), 3u);
  EXPECT_EQ(ids.Allocate(), std::nullopt) << "all four are taken";
  EXPECT_EQ(ids.taken(), 4u);
  EXPECT_EQ(ids.available(), 0u);
}

TEST(IdPoolTest, ReservesWhatAnEarlierAgentUses) {
  IdPool ids(3);
  EXPECT_TRUE(ids.Reserve(1));
  EXPECT_FALSE(ids.Reserve(1)) << "taken";
  EXPECT_FALSE(ids.Reserve(3)) << "out of range";
  EXPECT_FALSE(ids.Reserve(~uint32_t{0})) << "out of range";
  EXPECT_EQ(ids.Allocate(), 0u);
  EXPECT_EQ(ids.Allocate(), 2u);
}

TEST(IdPoolTest, KnowsWhichIdsHaveBeenUsedBefore) {
  IdPool ids(10);
  EXPECT_FALSE(ids.WasUsed(*ids.Allocate())) << "its counters are still zero";
  ids.Free(0);
  EXPECT_TRUE(ids.WasUsed(*ids.Allocate()));
  EXPECT_FALSE(ids.WasUsed(*ids.Allocate()));
  ids.MarkUsed(5);
  EXPECT_TRUE(ids.WasUsed(5));
  EXPECT_TRUE(ids.WasUsed(2)) << "below a used one: perhaps";
  EXPECT_FALSE(ids.WasUsed(6));
}

TEST(IdPoolTest, AnEmptyMapHasNoIds) {
  IdPool ids(0);
  EXPECT_EQ(ids.Allocate(), std::nullopt);
  EXPECT_FALSE(ids.Reserve(0));
}

TEST(IdPoolTest, AgreesWithASetOverRandomHistories) {
  const uint32_t seed = seeds::Usually(1);
  SCOPED_TRACE(seeds::Trace(seed));
  // Across the borders of the words (64) and of the words of words (4096).
  for (const uint32_t capacity : {1u, 63u, 64u, 65u, 4095u, 4097u, 9000u}) {
    std::mt19937 random(seed);
    IdPool ids(capacity);
    std::set<uint32_t> free;
    std::vector<uint32_t> taken;
    for (uint32_t id = 0; id < capacity; ++id) free.insert(free.end(), id);
    for (int step = 0; step < 20'000; ++step) {
      // Fills up in the first half, empties in the second.
      const bool allocate = random() % 10 < (step < 10'000 ? 8u : 2u);
      if (allocate) {
        const std::optional<uint32_t> id = ids.Allocate();
        ASSERT_EQ(id.has_value(), !free.empty());
        if (!id) continue;
        ASSERT_EQ(*id, *free.begin()) << "capacity " << capacity << " step " << step;
        free.erase(*id);
        taken.push_back(*id);
      } else if (!taken.empty()) {
        const size_t which = random() % taken.size();
        ids.Free(taken[which]);
        free.insert(taken[which]);
        taken[which] = taken.back();
        taken.pop_back();
      }
      ASSERT_EQ(ids.taken(), taken.size());
    }
  }
}

}  // namespace
}  // namespace shunt::datapath
