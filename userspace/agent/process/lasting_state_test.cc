// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/process/lasting_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace shunt::agent {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(LastingStateTest, TheSameButForNumbers) {
  EXPECT_TRUE(SameButForNumbers("needs 3 rows, 12 of 50 are free", "needs 17 rows, 0 of 50 are free"));
  EXPECT_TRUE(SameButForNumbers("at 7", "at 12345"));
  EXPECT_TRUE(SameButForNumbers("", ""));
  EXPECT_FALSE(SameButForNumbers("map slots needs 3", "map pools needs 3"));
  EXPECT_FALSE(SameButForNumbers("needs 3", "needs 3 rows"));
  EXPECT_FALSE(SameButForNumbers("needs 3", "needs "));
  EXPECT_FALSE(SameButForNumbers("needs ", "needs 3"));
}

TEST(LastingStateTest, ItIsSaidAtItsBeginAndAfterPausesThatDouble) {
  LastingState state;
  const LastingState::Time start{hours(1)};
  std::vector<int> said;
  for (int second = 0; second < 24 * 3600; ++second) {
    if (state.IsWorthALine("full", start + seconds(second))) said.push_back(second / 60);
  }
  ASSERT_GE(said.size(), 9u);
  EXPECT_THAT((std::vector<int>(said.begin(), said.begin() + 9)),
              testing::ElementsAre(0, 1, 3, 7, 15, 31, 63, 127, 191));
  EXPECT_LT(said.size(), 32u) << "in a day";
}

TEST(LastingStateTest, ANewStateIsSaidAtOnce) {
  LastingState state;
  const LastingState::Time now{hours(1)};
  EXPECT_FALSE(state.IsWorthALine("", now)) << "nothing is wrong";
  EXPECT_TRUE(state.IsWorthALine("map slots: 3 rows are free", now));
  EXPECT_FALSE(state.IsWorthALine("map slots: 12 rows are free", now));
  EXPECT_TRUE(state.IsWorthALine("map pools: 3 rows are free", now));
  EXPECT_TRUE(state.IsWorthALine("map pools: 3 rows are free", now + minutes(1)));
  EXPECT_FALSE(state.IsWorthALine("", now + minutes(1)));
  EXPECT_TRUE(state.IsWorthALine("map pools: 3 rows are free", now + minutes(1))) << "it had ended";
  EXPECT_TRUE(state.IsWorthALine("map pools: 3 rows are free", now + minutes(2))) << "the pauses begin again";
}

}  // namespace
}  // namespace shunt::agent
