// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/process/line_budget.h"

#include <gtest/gtest.h>

namespace shunt::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(LineBudgetTest, ABurstThenOneASecond) {
  LineBudget budget;
  LineBudget::Time now{seconds(1000)};
  for (int i = 0; i < LineBudget::kBurst; ++i) EXPECT_TRUE(budget.Spend(now)) << i;
  EXPECT_EQ(budget.TakeSuppressed(), 0u);
  EXPECT_FALSE(budget.Spend(now));
  EXPECT_FALSE(budget.Spend(now + milliseconds(999)));
  EXPECT_EQ(budget.TakeSuppressed(), 2u);
  EXPECT_EQ(budget.TakeSuppressed(), 0u) << "said once";
  EXPECT_TRUE(budget.Spend(now + milliseconds(1000)));
  EXPECT_FALSE(budget.Spend(now + milliseconds(1900)));
  EXPECT_TRUE(budget.Spend(now + milliseconds(2000))) << "fractions of a second are not lost";
  now += seconds(3600);
  int said = 0;
  for (int i = 0; i < 100; ++i) said += budget.Spend(now);
  EXPECT_EQ(said, LineBudget::kBurst) << "an hour of silence buys one burst";
}

}  // namespace
}  // namespace shunt::agent
