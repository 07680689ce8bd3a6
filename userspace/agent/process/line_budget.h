// SPDX-License-Identifier: Apache-2.0
// Keeps a log readable while the same event repeats.
#ifndef SHUNT_AGENT_PROCESS_LINE_BUDGET_H_
#define SHUNT_AGENT_PROCESS_LINE_BUDGET_H_

#include <chrono>
#include <cstdint>

namespace shunt::agent {

// Allows kBurst lines at once and one a second in the long run. Counts the lines that it suppresses, so that the next
// one can be preceded by their number. Not thread-safe.
class LineBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr int kBurst = 20;
  static constexpr std::chrono::seconds kRefill{1};

  // Returns true if a line may be written now; otherwise counts it as suppressed. REQUIRES: `now` never goes back.
  bool Spend(Time now);
  // Returns how many lines were suppressed since the last call.
  uint64_t TakeSuppressed();

 private:
  int left_ = kBurst;
  Time refilled_;  // refills for the time before this are in left_
  uint64_t suppressed_ = 0;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_PROCESS_LINE_BUDGET_H_
