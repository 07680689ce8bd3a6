// SPDX-License-Identifier: Apache-2.0
// Reads the clocks, for the parts of the agent that run in threads of their own. Pure code is given the time.
#ifndef SHUNT_AGENT_PROCESS_CLOCK_H_
#define SHUNT_AGENT_PROCESS_CLOCK_H_

#include <time.h>

#include <chrono>

#include "userspace/report/health_state.h"

namespace shunt::agent {

// Returns the present moment by the steady clock (for intervals) and by the wall clock (for people).
inline report::Moment ReadClocks() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::steady_clock::now(), std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count()};
}

// Returns the time since the boot, suspended time included (CLOCK_BOOTTIME): BPF programs compare it with their own.
inline std::chrono::milliseconds ReadBootTime() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::seconds(now.tv_sec) +
                                                               std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_PROCESS_CLOCK_H_
