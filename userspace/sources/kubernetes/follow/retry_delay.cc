// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/follow/retry_delay.h"

#include <algorithm>

namespace shunt::sources::kubernetes {

using std::chrono::milliseconds;

milliseconds RetryDelay::Next(SteadyTime now, std::mt19937_64& random) {
  const bool forgotten = !quiet_since_ || now - *quiet_since_ >= kForgottenAfter;
  base_ = forgotten ? kShortest : std::min(2 * base_, longest_);
  const milliseconds delay = base_ + milliseconds(random() % static_cast<uint64_t>(base_.count()));
  quiet_since_ = now + delay;
  return delay;
}

}  // namespace shunt::sources::kubernetes
