// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration file: an error or a Configuration within its ranges, never anything else.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "userspace/agent/settings/configuration.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using shunt::agent::Configuration;
  const absl::string_view text(reinterpret_cast<const char*>(bytes), size);
  const absl::StatusOr<Configuration> decoded = shunt::agent::DecodeConfiguration(text, "fuzz.yaml");
  if (!decoded.ok()) {
    if (decoded.status().message().substr(0, 9) != "fuzz.yaml") std::abort();
    return 0;
  }
  const bool sockets_fit = std::has_single_bit(decoded->limits.sockets);
  const int verbosity = decoded->verbosity.value_or(0);
  const auto interval = decoded->snapshot_interval.value_or(shunt::agent::kSnapshotIntervalLeast);
  const bool interval_fits =
      interval == shunt::agent::kNoSnapshots ||
      (interval >= shunt::agent::kSnapshotIntervalLeast && interval <= shunt::agent::kSnapshotIntervalMost);
  const uint32_t endpoints = decoded->endpoints_per_pool.value_or(1);
  if (endpoints < 1 || endpoints > shunt::datapath::kPoolMembersMax || !interval_fits) std::abort();
  const uint32_t flows = decoded->flows.value_or(shunt::datapath::kFlowsMin);
  if (!std::has_single_bit(flows) || flows < shunt::datapath::kFlowsMin || decoded->limits.flows != 0) std::abort();
  if (!sockets_fit || verbosity < 0 || verbosity > shunt::agent::kVerbosityMax) std::abort();
  return 0;
}
