// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/process/line_budget.h"

#include <algorithm>
#include <utility>

namespace shunt::agent {

bool LineBudget::Spend(Time now) {
  const int64_t refills = (now - refilled_) / kRefill;
  if (refills >= kBurst - left_) {
    left_ = kBurst;
    refilled_ = now;
  } else {
    left_ += static_cast<int>(refills);
    refilled_ += refills * kRefill;
  }
  if (left_ == 0) {
    ++suppressed_;
    return false;
  }
  --left_;
  return true;
}

uint64_t LineBudget::TakeSuppressed() {
  return std::exchange(suppressed_, 0);
}

}  // namespace shunt::agent
