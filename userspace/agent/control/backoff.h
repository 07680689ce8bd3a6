// SPDX-License-Identifier: Apache-2.0
// How long to wait before a failed Service is tried again.
#ifndef SHUNT_AGENT_CONTROL_BACKOFF_H_
#define SHUNT_AGENT_CONTROL_BACKOFF_H_

#include <chrono>
#include <cstdint>

namespace shunt::agent {

// Doubles from 1 s, never beyond 60 s. Each delay is drawn from a third of its range upwards, so that many
// Services that failed together (a map was full) do not come back together. The same seed gives the same delays.
// Not thread-safe.
class Backoff {
 public:
  using Duration = std::chrono::steady_clock::duration;
  static constexpr Duration kShortest = std::chrono::seconds(1);
  static constexpr Duration kLongest = std::chrono::seconds(60);

  explicit Backoff(uint64_t seed) : state_(seed) {}

  // `failures` says how often the Service has failed in a row, from 1. Returns at least kShortest * 2^(failures-1) or
  // two thirds of kLongest, whichever is less; at most half as long again, and never more than kLongest.
  Duration Delay(uint32_t failures);

 private:
  uint64_t state_;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_BACKOFF_H_
