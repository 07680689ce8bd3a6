// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/backoff.h"

#include <algorithm>

namespace shunt::agent {
namespace {

// The SplitMix64 generator: any seed will do, and every seed's sequence differs.
uint64_t NextRandom(uint64_t& state) {
  uint64_t mixed = state += 0x9e3779b97f4a7c15ull;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ull;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebull;
  return mixed ^ (mixed >> 31);
}

}  // namespace

Backoff::Duration Backoff::Delay(uint32_t failures) {
  const uint32_t doublings = std::min(std::max(failures, 1u) - 1, 30u);
  const Duration shortest = std::min(kShortest * (int64_t{1} << doublings), kLongest * 2 / 3);
  const uint64_t share = NextRandom(state_) >> 32;  // of 2^32
  const auto spread = static_cast<uint64_t>((shortest / 2).count());
  // spread < 2^36 ns, so the product stays below 2^64 only if it is split.
  const uint64_t extra = (spread >> 16) * share >> 16;
  return shortest + Duration(static_cast<Duration::rep>(extra));
}

}  // namespace shunt::agent
