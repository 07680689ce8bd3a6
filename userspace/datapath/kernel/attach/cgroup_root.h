// SPDX-License-Identifier: Apache-2.0
// The cgroups (version 2) that programs are attached to.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_CGROUP_ROOT_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_CGROUP_ROOT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

struct Cgroup {
  std::string path;
  uint64_t id = 0;  // as bpf_link_info gives it
  posix::FileDescriptor fd;
};

// Returns the mount point of the host's cgroup2 root: /sys/fs/cgroup (unified) or a mount beside the version 1
// controllers (hybrid). Returns kNotFound if none is mounted, or only a container's own: a cgroup namespace shows its
// own cgroup as the root, and programs there would see no other pod.
absl::StatusOr<std::string> FindCgroupRoot();

// Returns the mount points in a /proc/PID/mountinfo that may show the host's root, the usual ones first. In a cgroup
// namespace the host's root is shown as "/../..", and "/" is the namespace's own.
std::vector<std::string> CgroupMounts(absl::string_view mountinfo);

// Returns `path` if it is in a cgroup2 file system, else the mount of one below it: a hybrid host has its cgroup2 at
// /sys/fs/cgroup/unified, below the directory that it shows as /sys/fs/cgroup. Returns OpenCgroup's error if there is
// none.
absl::StatusOr<std::string> FindCgroupAt(const std::string& path);

// Returns FindCgroupAt(configured), or FindCgroupRoot() if that is empty.
absl::StatusOr<std::string> FindCgroup(const std::string& configured);

// Returns the mount points of cgroup2 in a /proc/PID/mountinfo that are below `directory`, a canonical path:
// DIRECTORY/unified first, then in the file's order.
std::vector<std::string> CgroupMountsBelow(absl::string_view mountinfo, absl::string_view directory);

// Returns kInvalidArgument unless `path` is a directory of a cgroup2 file system.
absl::StatusOr<Cgroup> OpenCgroup(const std::string& path);

// Returns whether the cgroup still exists. Another one of the same path is not it.
bool IsThere(const Cgroup& cgroup);

// Returns the directories of the cgroups above the one at `path`, the nearest first, as far as this process sees them.
std::vector<std::string> CgroupsAbove(const std::string& path);
// Returns the last of them, or `path` if there is none.
std::string TopmostCgroup(const std::string& path);

// Returns the directory, at or below `root`, of the cgroup with this id, or an empty string if there is none.
std::string FindCgroupById(const std::string& root, uint64_t id);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_CGROUP_ROOT_H_
