// SPDX-License-Identifier: Apache-2.0
// Keeps a log readable while the same thing goes on and on.
#ifndef SHUNT_AGENT_PROCESS_LINE_BUDGET_H_
#define SHUNT_AGENT_PROCESS_LINE_BUDGET_H_

#include <chrono>
#include <cstdint>

namespace shunt::agent {

// Lets kBurst lines through at once and one a second in the long run, and counts the others, so that the next line
// can say how many went unsaid. Not thread-safe.
class LineBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr int kBurst = 20;
  static constexpr std::chrono::seconds kRefill{1};

  // True: say it. False: it has been counted as unsaid. REQUIRES: `now` never goes back.
  bool Spend(Time now);
  // Lines unsaid since the last call.
  uint64_t TakeUnsaid();

 private:
  int left_ = kBurst;
  Time refilled_;  // up to when refills have been handed out
  uint64_t unsaid_ = 0;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_PROCESS_LINE_BUDGET_H_
