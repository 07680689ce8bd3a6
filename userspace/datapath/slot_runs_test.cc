// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/slot_runs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <vector>

#include "tests/seeds.h"

namespace shunt::datapath {
namespace {

TEST(SlotRunsTest, TakesTheSmallestGapThatFitsAndTheLowestOfEquals) {
  SlotRuns runs(20);
  const SlotRun a = *runs.Allocate(4);
  const SlotRun b = *runs.Allocate(1);
  const SlotRun c = *runs.Allocate(2);
  const SlotRun d = *runs.Allocate(1);
  const SlotRun e = *runs.Allocate(2);
  EXPECT_EQ(a, (SlotRun{0, 4}));
  EXPECT_EQ(e, (SlotRun{8, 2}));
  const SlotRun f = *runs.Allocate(1);
  runs.Free(a);
  runs.Free(c);
  runs.Free(e);
  EXPECT_EQ(runs.Allocate(2), c) << "two gaps of two: the lower one, and not a bite out of the four";
  EXPECT_EQ(runs.Allocate(2), e);
  EXPECT_EQ(runs.Allocate(3), (SlotRun{0, 3}));
  EXPECT_EQ(runs.taken(), b.count + d.count + f.count + 2 + 2 + 3);
}

TEST(SlotRunsTest, FreedRunsGrowTogether) {
  SlotRuns runs(9);
  const SlotRun a = *runs.Allocate(3);
  const SlotRun b = *runs.Allocate(3);
  const SlotRun c = *runs.Allocate(3);
  EXPECT_EQ(runs.Allocate(1), std::nullopt);
  runs.Free(a);
  runs.Free(c);
  EXPECT_EQ(runs.longest_free(), 3u);
  EXPECT_EQ(runs.Allocate(6), std::nullopt) << "six are free, but apart";
  runs.Free(b);
  EXPECT_EQ(runs.longest_free(), 9u);
  EXPECT_EQ(runs.Allocate(9), (SlotRun{0, 9}));
}

TEST(SlotRunsTest, ReservesWhatAnEarlierAgentUses) {
  SlotRuns runs(10);
  EXPECT_TRUE(runs.Reserve({3, 4}));
  EXPECT_FALSE(runs.Reserve({6, 1})) << "taken";
  EXPECT_FALSE(runs.Reserve({2, 2})) << "taken in part";
  EXPECT_FALSE(runs.Reserve({9, 2})) << "beyond the end";
  EXPECT_FALSE(runs.Reserve({0xffffffff, 2})) << "beyond the end, and beyond 32 bits";
  EXPECT_FALSE(runs.Reserve({0, 0})) << "no run";
  EXPECT_TRUE(runs.Reserve({0, 3}));
  EXPECT_TRUE(runs.Reserve({7, 3}));
  EXPECT_EQ(runs.available(), 0u);
}

TEST(SlotRunsTest, AgreesWithABitmapOverRandomHistories) {
  constexpr uint32_t kCapacity = 300;
  for (const uint32_t seed : seeds::UpTo(5)) {
    SCOPED_TRACE(seeds::Trace(seed));
    std::mt19937 random(seed);
    SlotRuns runs(kCapacity);
    std::vector<bool> used(kCapacity, false);
    std::vector<SlotRun> taken;
    for (int step = 0; step < 5'000; ++step) {
      if (random() % 2 == 0) {
        const uint32_t count = 1 + random() % 20;
        const std::optional<SlotRun> run = runs.Allocate(count);
        uint32_t longest = 0;
        for (uint32_t i = 0, length = 0; i < kCapacity; ++i) {
          length = used[i] ? 0 : length + 1;
          longest = std::max(longest, length);
        }
        ASSERT_EQ(run.has_value(), longest >= count) << "step " << step;
        if (!run) continue;
        for (uint32_t i = run->first; i < run->first + count; ++i) {
          ASSERT_FALSE(used[i]);
          used[i] = true;
        }
        taken.push_back(*run);
      } else if (!taken.empty()) {
        const size_t which = random() % taken.size();
        const SlotRun run = taken[which];
        std::fill(used.begin() + run.first, used.begin() + run.first + run.count, false);
        runs.Free(run);
        taken.erase(taken.begin() + static_cast<std::ptrdiff_t>(which));
      }
      ASSERT_EQ(runs.taken(), static_cast<uint32_t>(std::count(used.begin(), used.end(), true)));
    }
  }
}

// Pools that grow and shrink by one for a long time, old run beside new, at 85 % of the array.
TEST(SlotRunsTest, DoesNotFragmentUnderChurn) {
  constexpr uint32_t kCapacity = 20'000;
  const uint32_t seed = seeds::Usually(7);
  SCOPED_TRACE(seeds::Trace(seed));
  std::mt19937 random(seed);
  SlotRuns runs(kCapacity);
  std::vector<SlotRun> pools;
  while (runs.taken() < kCapacity * 85 / 100) pools.push_back(*runs.Allocate(1 + random() % 60));
  for (int step = 0; step < 200'000; ++step) {
    SlotRun& pool = pools[random() % pools.size()];
    const bool grow = random() % 2 == 0 ? pool.count < 60 : pool.count == 1;
    const std::optional<SlotRun> run = runs.Allocate(grow ? pool.count + 1 : pool.count - 1);
    ASSERT_TRUE(run.has_value()) << "step " << step << ": " << runs.available() << " free, the longest run "
                                 << runs.longest_free();
    runs.Free(pool);
    pool = *run;
    if (runs.taken() > kCapacity * 86 / 100) {  // as many Services come as go
      runs.Free(pools.back());
      pools.pop_back();
    }
  }
}

}  // namespace
}  // namespace shunt::datapath
