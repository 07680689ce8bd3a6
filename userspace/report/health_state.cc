// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/health_state.h"

namespace shunt::report {

bool IsHealthy(const HealthState& state, std::chrono::steady_clock::time_point now) {
  return !state.StartedUp() || !state.oldest_pending.has_value() || now - *state.oldest_pending < kHealthTimeout;
}

}  // namespace shunt::report
