// SPDX-License-Identifier: Apache-2.0
// What a map must look like before a byte of it is touched.
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

// "hash", "array", ... as bpftool says it; "type N" for one that no map of ours has.
std::string MapTypeName(uint32_t type);

// Compares the map behind `fd` with `spec`: type, key size, value size and flags have to be the same.
// Returns the spec with the max_entries that the map was created with. kFailedPrecondition names the
// difference: using such a map would read and write beyond its rows.
absl::StatusOr<MapSpec> VerifyMap(int fd, const MapSpec& spec);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_OBJECT_MAP_SPEC_H_
