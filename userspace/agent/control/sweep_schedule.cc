// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/sweep_schedule.h"

#include <algorithm>
#include <utility>

namespace shunt::agent {

void SweepSchedule::Removal(Time now) {
  if (!removal_.has_value()) removal_ = now;
}

SweepSchedule::Time SweepSchedule::Next() const {
  return removal_.has_value() ? std::max(*removal_, not_before_) : std::max(due_, not_before_);
}

void SweepSchedule::Begin(Time now) {
  began_ = now;
  answers_ = std::exchange(removal_, std::nullopt).has_value();
}

// As with the loop's pace, sweeps never keep one core busy all the time.
void SweepSchedule::End(Time now) {
  not_before_ = std::max<Time>(began_ + kPace, now + (now - began_));
  due_ = answers_ ? now + kFollowUp : now + kHealing;
}

}  // namespace shunt::agent
