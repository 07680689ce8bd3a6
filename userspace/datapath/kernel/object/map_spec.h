// SPDX-License-Identifier: Apache-2.0
// The layout that a map must have before any of its bytes is read or written.
#ifndef SHUNT_DATAPATH_KERNEL_OBJECT_MAP_SPEC_H_
#define SHUNT_DATAPATH_KERNEL_OBJECT_MAP_SPEC_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace shunt::datapath {

// Types and flags are the kernel's (BPF_MAP_TYPE_*, BPF_F_*).
struct MapSpec {
  std::string name;
  uint32_t type = 0;
  uint32_t key_size = 0;
  uint32_t value_size = 0;
  uint32_t flags = 0;
  uint32_t max_entries = 0;
};

// Returns the name that bpftool uses, such as "hash" or "array", or "type N" for a type that no map of ours has.
std::string MapTypeName(uint32_t type);

// Returns `spec` with the max_entries that the map behind `fd` was created with. Returns kFailedPrecondition, and names
// the difference, unless type, key size, value size and flags are the same: using such a map would read and write
// beyond its rows.
absl::StatusOr<MapSpec> VerifyMap(int fd, const MapSpec& spec);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_OBJECT_MAP_SPEC_H_
