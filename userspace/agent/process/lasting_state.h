// SPDX-License-Identifier: Apache-2.0
// Says a state that lasts when it begins and when it changes, and now and then that it still lasts.
#ifndef SHUNT_AGENT_PROCESS_LASTING_STATE_H_
#define SHUNT_AGENT_PROCESS_LASTING_STATE_H_

#include <chrono>
#include <string>

#include "absl/strings/string_view.h"

namespace shunt::agent {

// Whether two sentences differ in nothing but numbers: the rows that are free vary while a map stays too small.
bool SameButForNumbers(absl::string_view one, absl::string_view other);

// Not thread-safe.
class LastingState {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // A state that lasts is worth a line again after the first of these, then after pauses that double up to the last.
  static constexpr std::chrono::minutes kFirstPause{1};
  static constexpr std::chrono::minutes kLongestPause{64};

  // Returns whether a line about `state` is to be written now: it has begun, it has changed in more than its numbers,
  // or the pause is over. An empty state is none: it ends what was, and returns false. REQUIRES: `now` never goes back.
  bool IsWorthALine(absl::string_view state, Time now);

 private:
  std::string state_;
  std::chrono::minutes pause_ = kFirstPause;
  Time next_;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_PROCESS_LASTING_STATE_H_
