// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/alias_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "absl/numeric/int128.h"
#include "tests/seeds.h"

namespace shunt::planner {
namespace {

using model::AliasSlot;

std::vector<model::PoolMember> Members(const std::vector<uint32_t>& weights) {
  std::vector<model::PoolMember> members;
  for (uint32_t i = 0; i < weights.size(); ++i) {
    members.push_back({{model::IpAddress::FromV4(0x0a000000 + i), 80}, weights[i]});
  }
  return members;
}

// Each member's share as the kernel reads the table, in units of 1 / (n * 2^32) of all choices.
std::vector<uint64_t> Shares(const std::vector<AliasSlot>& slots) {
  std::vector<uint64_t> shares(slots.size());
  for (const AliasSlot& slot : slots) {
    if (slot.alias == slot.member) {
      shares[slot.member] += uint64_t{1} << 32;
      continue;
    }
    shares[slot.member] += slot.threshold;
    shares[slot.alias] += (uint64_t{1} << 32) - slot.threshold;
  }
  return shares;
}

// Checks every postcondition of the header, in integers.
void ExpectExact(const std::vector<uint32_t>& weights) {
  const std::vector<AliasSlot> slots = BuildAliasTable(Members(weights));
  uint64_t sum = 0;
  for (const uint32_t weight : weights) sum += weight;
  if (sum == 0) {
    EXPECT_TRUE(slots.empty());
    return;
  }
  ASSERT_EQ(slots.size(), weights.size());
  const uint64_t count = weights.size();
  for (uint32_t i = 0; i < count; ++i) {
    ASSERT_EQ(slots[i].member, i);
    ASSERT_LT(slots[i].alias, count);
    ASSERT_GT(weights[slots[i].alias], 0u) << "slot " << i << " leads to a drained member";
    if (weights[i] == 0) {
      ASSERT_EQ(slots[i].threshold, 0u);
    } else {
      ASSERT_GE(slots[i].threshold, 1u);
    }
    if (slots[i].alias == i) {
      ASSERT_EQ(slots[i].threshold, 0xffffffffu);
    }
  }
  const std::vector<uint64_t> shares = Shares(slots);
  for (uint32_t i = 0; i < count; ++i) {
    // |share / (n 2^32) - w / W| <= 2^-32, times n 2^32 W.
    const absl::int128 error = absl::int128(shares[i]) * sum - (absl::int128(weights[i]) * count << 32);
    ASSERT_LE(error < 0 ? -error : error, absl::int128(count) * sum) << "member " << i << " of " << count;
    if (weights[i] == 0) {
      ASSERT_EQ(shares[i], 0u);
    }
  }
}

TEST(AliasTableTest, SmallTablesAreTheOnesOneWouldWriteByHand) {
  constexpr uint32_t kWhole = 0xffffffff;
  const struct {
    const char* sentence;
    std::vector<uint32_t> weights;
    std::vector<AliasSlot> slots;
  } kRows[] = {
      {"no member, no slot", {}, {}},
      {"nothing but weight 0, no slot", {0, 0}, {}},
      {"one member has it all", {7}, {{0, 0, kWhole}}},
      {"equal weights are whole slots", {5, 5, 5}, {{0, 0, kWhole}, {1, 1, kWhole}, {2, 2, kWhole}}},
      {"one to three: half of the first slot goes to the second", {1, 3}, {{0, 1, 0x80000000}, {1, 1, kWhole}}},
      {"a drained member's slot is another's", {0, 4}, {{0, 1, 0}, {1, 1, kWhole}}},
      {"the order of members does not matter to that", {4, 0}, {{0, 0, kWhole}, {1, 0, 0}}},
      {"a donor that gave too much is topped up in turn",
       {1, 5, 6},
       {{0, 1, 0x40000000}, {1, 2, 0x80000000}, {2, 2, kWhole}}},
      {"two drained members and one that serves", {0, 0, 9}, {{0, 2, 0}, {1, 2, 0}, {2, 2, kWhole}}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    EXPECT_EQ(BuildAliasTable(Members(row.weights)), row.slots);
  }
}

TEST(AliasTableTest, ExtremeWeightsKeepTheirShares) {
  ExpectExact({1, kWeightMax});
  ExpectExact({kWeightMax, 1});
  ExpectExact({1, kWeightMax, 0, 1, kWeightMax - 1});
  std::vector<uint32_t> one_small(5000, kWeightMax);
  one_small[2500] = 1;
  ExpectExact(one_small);
  std::vector<uint32_t> one_great(5000, 1);
  one_great[4999] = kWeightMax;
  ExpectExact(one_great);
  std::vector<uint32_t> one_serves(5000, 0);
  one_serves[17] = 1;
  ExpectExact(one_serves);
}

// A donor's remainder may be less than 2^-32 of its slot; rounded down to 0 it would look drained. Here the first
// member has one unit more than a slot's 4,994,999,999 and gives a whole slot to the drained second.
TEST(AliasTableTest, ARemainderBelowOneThresholdStepIsRoundedUp) {
  constexpr uint32_t kCount = 5000;
  constexpr uint64_t kSum = uint64_t{999'000} * kCount - 1;
  std::vector<uint32_t> weights(kCount, 0);
  weights[0] = 999'000;
  uint64_t rest = kSum - weights[0];
  for (uint32_t i = 2; i < kCount; ++i) {
    weights[i] = static_cast<uint32_t>(rest / (kCount - i));
    rest -= weights[i];
  }
  ASSERT_EQ(rest, 0u);
  const std::vector<AliasSlot> slots = BuildAliasTable(Members(weights));
  EXPECT_EQ(slots[1], (AliasSlot{1, 0, 0}));
  EXPECT_EQ(slots[0].threshold, 1u);
  EXPECT_NE(slots[0].alias, 0u);
  ExpectExact(weights);
}

TEST(AliasTableTest, EveryCountUpToAThousandIsExact) {
  const uint32_t seed = seeds::Usually(1);
  SCOPED_TRACE(seeds::Trace(seed));
  std::mt19937_64 random(seed);
  for (uint32_t count = 1; count <= 1000; ++count) {
    std::vector<uint32_t> weights(count);
    for (uint32_t& weight : weights) weight = random() % 4 == 0 ? 0 : random() % (kWeightMax + 1);
    SCOPED_TRACE(count);
    ASSERT_NO_FATAL_FAILURE(ExpectExact(weights));
  }
}

TEST(AliasTableTest, RandomWeightsOfManyShapesAreExact) {
  const uint32_t seed = seeds::Usually(2);
  SCOPED_TRACE(seeds::Trace(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 2000; ++round) {
    const uint32_t count = 1 + random() % (round % 100 == 0 ? 5000 : 60);
    const uint32_t shape = random() % 5;
    std::vector<uint32_t> weights(count);
    for (uint32_t& weight : weights) {
      switch (shape) {
        case 0:  // small integers
          weight = random() % 5;
          break;
        case 1:  // powers of ten
          weight = static_cast<uint32_t>(std::pow(10, random() % 7));
          break;
        case 2:  // the two ends
          weight = random() % 2 == 0 ? 1 : kWeightMax;
          break;
        case 3:  // mostly drained
          weight = random() % 20 == 0 ? 1 + random() % 10 : 0;
          break;
        default:
          weight = random() % (kWeightMax + 1);
      }
    }
    SCOPED_TRACE(testing::Message() << "round " << round << ", shape " << shape << ", " << count << " members");
    ASSERT_NO_FATAL_FAILURE(ExpectExact(weights));
  }
}

}  // namespace
}  // namespace shunt::planner
