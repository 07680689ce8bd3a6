// SPDX-License-Identifier: Apache-2.0
// What is mounted where, as this process sees it.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_MOUNTS_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_MOUNTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace shunt::datapath {

// A mount: which directory of its file system is shown, and where.
struct Mount {
  std::string shown;
  std::string point;
};

// Returns the mounts of file systems of this type ("cgroup2", "bpf") in a /proc/PID/mountinfo, in its order.
std::vector<Mount> ReadMounts(absl::string_view mountinfo, absl::string_view type);

// Returns this process's own mountinfo.
std::string OwnMountInfo();

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_MOUNTS_H_
