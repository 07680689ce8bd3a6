// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace shunt::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(BackoffTest, DoublesFromASecondToAMinute) {
  struct Row {
    uint32_t failures;
    seconds shortest;
    seconds longest_in_halves;  // twice the longest
  };
  const Row rows[] = {
      {1, seconds(1), seconds(3)},    {2, seconds(2), seconds(6)},    {3, seconds(4), seconds(12)},
      {4, seconds(8), seconds(24)},   {5, seconds(16), seconds(48)},  {6, seconds(32), seconds(96)},
      {7, seconds(40), seconds(120)}, {8, seconds(40), seconds(120)}, {1'000'000, seconds(40), seconds(120)},
  };
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Backoff backoff(seed);
    for (const Row& row : rows) {
      const Backoff::Duration delay = backoff.Delay(row.failures);
      EXPECT_GE(delay, row.shortest) << row.failures << " failures, seed " << seed;
      EXPECT_LE(2 * delay, row.longest_in_halves) << row.failures << " failures, seed " << seed;
      EXPECT_LE(delay, Backoff::kLongest);
    }
  }
}

TEST(BackoffTest, JitterSpreadsAndIsRepeatable) {
  Backoff one(7), same(7), other(8);
  Backoff::Duration least = Backoff::kLongest, most = seconds(0);
  int equal_to_other = 0;
  for (int i = 0; i < 1000; ++i) {
    const Backoff::Duration delay = one.Delay(1);
    EXPECT_EQ(delay, same.Delay(1));
    equal_to_other += delay == other.Delay(1);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_LT(equal_to_other, 10);
  EXPECT_LT(least, milliseconds(1050)) << "1,000 draws reach the lower tenth of 1 to 1.5 s";
  EXPECT_GT(most, milliseconds(1450)) << "and the upper one";
}

}  // namespace
}  // namespace shunt::agent
