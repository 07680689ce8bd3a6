// SPDX-License-Identifier: Apache-2.0
// How many rows each map has: some by configuration, the others by what bpf/abi.h derives from those.
#ifndef SHUNT_DATAPATH_KERNEL_MAPS_MAP_SIZES_H_
#define SHUNT_DATAPATH_KERNEL_MAPS_MAP_SIZES_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "userspace/datapath/limits.h"

namespace shunt::datapath {

// kInvalidArgument names the limit that cannot be.
absl::Status CheckLimits(const Limits& limits);

// Rows of the map in a set made with `limits` on a machine with `cpus` possible CPUs. nullopt: its size does
// not depend on them. REQUIRES: CheckLimits(limits).
std::optional<uint64_t> RowsOf(absl::string_view map, const Limits& limits, uint32_t cpus);

// The limits that a set was made with: from the maps whose size is a limit itself. `rows` answers for a name.
Limits LimitsOf(const std::function<uint32_t(const std::string& map)>& rows);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_MAP_SIZES_H_
