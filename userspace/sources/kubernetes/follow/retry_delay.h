// SPDX-License-Identifier: Apache-2.0
// How long a reflector waits after a failure. Every node of a cluster fails at the same moment, when the API server
// goes away; the spread keeps them from coming back at the same moment too.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_RETRY_DELAY_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_RETRY_DELAY_H_

#include <chrono>
#include <optional>
#include <random>

#include "userspace/sources/kubernetes/client/transport.h"

namespace shunt::sources::kubernetes {

// client-go's backoff with a lower cap, for a node agent must be current soon: 0.8 s, doubled up to 10 s, and a random
// part of the same size on top. Starts again after two minutes without a failure.
class RetryDelay {
 public:
  static constexpr std::chrono::milliseconds kShortest{800};
  static constexpr std::chrono::milliseconds kLongest{10'000};  // without the random part
  static constexpr std::chrono::minutes kForgottenAfter{2};

  // For a failure at `now`.
  std::chrono::milliseconds Next(SteadyTime now, std::mt19937_64& random);

 private:
  std::chrono::milliseconds base_{0};
  std::optional<SteadyTime> quiet_since_;  // the end of the last delay
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_FOLLOW_RETRY_DELAY_H_
