// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/sweep_schedule.h"

#include <gtest/gtest.h>

namespace shunt::agent {
namespace {

using std::chrono::milliseconds;
using Time = SweepSchedule::Time;

constexpr Time kStart{std::chrono::hours(1)};
constexpr milliseconds kTook{5};

class SweepScheduleTest : public testing::Test {
 protected:
  Time Sweep(Time begin, milliseconds took = kTook) {
    schedule_.Begin(begin);
    schedule_.End(begin + took);
    return begin + took;
  }

  SweepSchedule schedule_{kStart};
};

TEST_F(SweepScheduleTest, TheFirstSweepIsAtTheStart) {
  EXPECT_EQ(schedule_.Next(), kStart);
}

TEST_F(SweepScheduleTest, WithoutRemovalsItHeals) {
  const Time end = Sweep(kStart);
  EXPECT_EQ(schedule_.Next(), end + SweepSchedule::kHealing);
}

TEST_F(SweepScheduleTest, ARemovalLongAfterTheLastSweepIsAnsweredAtOnce) {
  const Time removal = Sweep(kStart) + milliseconds(900);
  schedule_.Removal(removal);
  EXPECT_EQ(schedule_.Next(), removal);
}

TEST_F(SweepScheduleTest, RemovalsSoonAfterASweepShareTheNextOne) {
  const Time end = Sweep(kStart);
  schedule_.Removal(end + milliseconds(1));
  schedule_.Removal(end + milliseconds(50));
  EXPECT_EQ(schedule_.Next(), kStart + SweepSchedule::kPace);
  Sweep(schedule_.Next());
  EXPECT_GT(schedule_.Next(), kStart + 2 * SweepSchedule::kPace);
}

TEST_F(SweepScheduleTest, AnAnswerIsFollowedByOneMoreAndThenByHealing) {
  schedule_.Removal(kStart);
  const Time answer = Sweep(kStart);
  EXPECT_EQ(schedule_.Next(), answer + SweepSchedule::kFollowUp);
  const Time second = Sweep(schedule_.Next());
  EXPECT_EQ(schedule_.Next(), second + SweepSchedule::kHealing);
}

TEST_F(SweepScheduleTest, ARemovalDuringASweepAsksForAnother) {
  schedule_.Begin(kStart);
  schedule_.Removal(kStart + milliseconds(2));
  schedule_.End(kStart + kTook);
  EXPECT_EQ(schedule_.Next(), kStart + SweepSchedule::kPace);
}

TEST_F(SweepScheduleTest, ASlowSweepLeavesAsMuchTimeAsItTook) {
  const Time end = Sweep(kStart, milliseconds(700));
  schedule_.Removal(end);
  EXPECT_EQ(schedule_.Next(), end + milliseconds(700));
}

TEST_F(SweepScheduleTest, UnderRemovalsWithoutEndNoneWaitsLongerThanThePace) {
  Time now = kStart;
  for (int i = 0; i < 1000; ++i) {
    schedule_.Removal(now);
    EXPECT_LE(schedule_.Next(), now + SweepSchedule::kPace);
    if (schedule_.Next() <= now) Sweep(now);
    now += milliseconds(10);
  }
}

}  // namespace
}  // namespace shunt::agent
