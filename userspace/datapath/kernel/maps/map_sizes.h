// SPDX-License-Identifier: Apache-2.0
// How many rows each map has: some numbers are configured, bpf/abi.h derives the others from them.
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

// Returns kInvalidArgument, and names the limit, if one is invalid.
absl::Status CheckLimits(const Limits& limits);

// Returns the rows of the map in a set created with `limits` on a machine with `cpus` possible CPUs, or nullopt if its
// size depends on neither. REQUIRES: CheckLimits(limits).
std::optional<uint64_t> RowsOf(absl::string_view map, const Limits& limits, uint32_t cpus);

// Returns whether the map is one of the two with the rows that sockets have had since before `sockets` was changed.
// They have the size of that time, or one row if there are none.
bool IsOfPreviousRows(absl::string_view map);

// Returns the limits that a set was created with, from the maps whose size is a limit. `rows` tells the size of a map.
Limits LimitsOf(const std::function<uint32_t(const std::string& map)>& rows);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_MAP_SIZES_H_
