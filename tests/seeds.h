// SPDX-License-Identifier: Apache-2.0
// The seeds of random tests: fixed, so that a change is judged by the same cases as the one before it; SHUNT_SEED=N
// plays one alone, another or the one that failed.
//
//   for (const uint32_t seed : seeds::UpTo(20)) {
//     SCOPED_TRACE(seeds::Trace(seed));
//     std::mt19937 random(seed);
#ifndef SHUNT_TESTS_SEEDS_H_
#define SHUNT_TESTS_SEEDS_H_

#include <gtest/gtest.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace shunt::seeds {

// What SHUNT_SEED says. Something else than a number fails the test: it would seem to play what it does not.
inline std::optional<uint32_t> FromEnvironment() {
  const char* const given = std::getenv("SHUNT_SEED");
  if (given == nullptr) return std::nullopt;
  const std::string_view text(given);
  uint32_t seed = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
  if (error == std::errc() && end == text.data() + text.size()) return seed;
  ADD_FAILURE() << "SHUNT_SEED=" << text << ": not a number below 2^32";
  return std::nullopt;
}

// 1 to `count`.
inline std::vector<uint32_t> UpTo(uint32_t count) {
  if (const auto chosen = FromEnvironment()) return {*chosen};
  std::vector<uint32_t> seeds;
  for (uint32_t seed = 1; seed <= count; ++seed) seeds.push_back(seed);
  return seeds;
}

// `seed`, for a test that plays once.
inline uint32_t Usually(uint32_t seed) {
  return FromEnvironment().value_or(seed);
}

// What a failure shows, so that it can be had again: for SCOPED_TRACE.
inline std::string Trace(uint32_t seed) {
  return "SHUNT_SEED=" + std::to_string(seed);
}

}  // namespace shunt::seeds

#endif  // SHUNT_TESTS_SEEDS_H_
