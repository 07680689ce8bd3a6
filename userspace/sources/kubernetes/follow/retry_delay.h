// SPDX-License-Identifier: Apache-2.0
// How long a reflector waits after a failure. When the API server goes away, all nodes of a cluster fail at the same
// moment; the random part keeps them from coming back at the same moment.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_RETRY_DELAY_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_RETRY_DELAY_H_

#include <chrono>
#include <optional>
#include <random>

#include "userspace/sources/kubernetes/client/transport.h"

namespace shunt::sources::kubernetes {

// client-go's backoff with a lower cap, because a node agent must catch up soon: 0.8 s, doubled up to `longest`, plus a
// random part of up to the same size. It starts over after two minutes without a failure.
class RetryDelay {
 public:
  static constexpr std::chrono::milliseconds kShortest{800};
  static constexpr std::chrono::milliseconds kLongest{10'000};  // without the random part
  static constexpr std::chrono::minutes kForgottenAfter{2};

  explicit RetryDelay(std::chrono::milliseconds longest = kLongest) : longest_(longest) {}

  // Returns the delay after a failure at `now`.
  std::chrono::milliseconds Next(SteadyTime now, std::mt19937_64& random);

 private:
  std::chrono::milliseconds longest_;
  std::chrono::milliseconds base_{0};
  std::optional<SteadyTime> quiet_since_;  // the end of the last delay
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_FOLLOW_RETRY_DELAY_H_
