// SPDX-License-Identifier: Apache-2.0
// Looks for what a test should have removed.
#ifndef SHUNT_TESTS_KERNEL_LEFTOVERS_H_
#define SHUNT_TESTS_KERNEL_LEFTOVERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"

namespace shunt::kernel_test {

// The cgroups whose links count as ours, by kernel id. Fixtures add those that they make.
absl::flat_hash_set<uint64_t>& CgroupsUsed();

// Returns how many bpf_links of the machine are attached to one of these cgroups.
absl::StatusOr<int> CountLinks(const absl::flat_hash_set<uint64_t>& cgroups);

// Returns a sentence for each thing that is left: links on the given cgroups, the cgroup of process `pid`, children of
// the calling process. Waits up to 3 seconds until nothing is left, because the kernel drops a link a moment after its
// last pin.
std::vector<std::string> Leftovers(pid_t pid, const absl::flat_hash_set<uint64_t>& cgroups);

}  // namespace shunt::kernel_test

#endif  // SHUNT_TESTS_KERNEL_LEFTOVERS_H_
