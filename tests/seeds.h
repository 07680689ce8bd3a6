// SPDX-License-Identifier: Apache-2.0
// The seeds of random tests. They are fixed, so that every change is tested by the same cases; SHUNT_SEED=N plays only
// that seed, such as a new one or the one that failed.
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

// Returns SHUNT_SEED. If it is not a number, fails the test, which would otherwise play other seeds than asked for.
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

// Returns 1 to `count`, or SHUNT_SEED alone.
inline std::vector<uint32_t> UpTo(uint32_t count) {
  if (const auto chosen = FromEnvironment()) return {*chosen};
  std::vector<uint32_t> seeds;
  for (uint32_t seed = 1; seed <= count; ++seed) seeds.push_back(seed);
  return seeds;
}

// Returns `seed`, or SHUNT_SEED, for a test that plays once.
inline uint32_t Usually(uint32_t seed) {
  return FromEnvironment().value_or(seed);
}

// Returns what a failure shows, so that it can be repeated; for SCOPED_TRACE.
inline std::string Trace(uint32_t seed) {
  return "SHUNT_SEED=" + std::to_string(seed);
}

}  // namespace shunt::seeds

#endif  // SHUNT_TESTS_SEEDS_H_
