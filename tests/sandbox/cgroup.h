// SPDX-License-Identifier: Apache-2.0
// Cgroups of the sandbox's own. Programs are attached only to them.
#ifndef SHUNT_SANDBOX_CGROUP_H_
#define SHUNT_SANDBOX_CGROUP_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace shunt::sandbox {

// Returns where the cgroup2 hierarchy is mounted ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"), or kFailedPrecondition
// if it is not mounted.
absl::StatusOr<std::string> FindCgroupMount();

// Returns the cgroup2 directory of the calling process, below `mount`.
absl::StatusOr<std::string> CurrentCgroup(const std::string& mount);

absl::Status MakeCgroup(const std::string& directory);

// Moves the calling process with all its threads. Sockets stay in the cgroup in which they were created.
absl::Status EnterCgroup(const std::string& directory);

// Kills what is still in the cgroup and below, then removes all of it. OK if there is none.
absl::Status RemoveCgroup(const std::string& directory);

// Returns the kernel's id of the cgroup, as bpf_link shows it; 0 on error.
uint64_t CgroupId(const std::string& directory);

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_CGROUP_H_
