// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/health_state.h"

#include <gtest/gtest.h>

namespace shunt::report {
namespace {

using std::chrono::steady_clock;

const steady_clock::time_point kQueued{std::chrono::hours(5)};

TEST(HealthStateTest, AnUpdateThatWaitsForTheTimeoutIsOneTooMany) {
  const HealthState state{.oldest_pending = kQueued, .last_updated_ms = 1};
  EXPECT_TRUE(IsHealthy(state, kQueued));
  EXPECT_TRUE(IsHealthy(state, kQueued + kHealthTimeout - steady_clock::duration(1)));
  EXPECT_FALSE(IsHealthy(state, kQueued + kHealthTimeout));
}

TEST(HealthStateTest, WithNothingToDoItIsHealthyForAsLongAsNothingHappens) {
  EXPECT_TRUE(IsHealthy({.last_updated_ms = 1}, kQueued + std::chrono::hours(24 * 365)));
}

TEST(HealthStateTest, StartingUpTakesAsLongAsItTakes) {
  EXPECT_TRUE(IsHealthy({.oldest_pending = kQueued}, kQueued + std::chrono::hours(24)));
}

TEST(HealthStateTest, TheNodesFateIsNotTheProxys) {
  EXPECT_TRUE(IsHealthy({.last_updated_ms = 1, .node_eligible = false}, kQueued));
}

}  // namespace
}  // namespace shunt::report
