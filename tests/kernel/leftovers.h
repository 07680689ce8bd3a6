// SPDX-License-Identifier: Apache-2.0
// Looks for what a test should have taken away with it.
#ifndef SHUNT_TESTS_KERNEL_LEFTOVERS_H_
#define SHUNT_TESTS_KERNEL_LEFTOVERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"

namespace shunt::kernel_test {

// Cgroups whose links count as ours, by kernel id. Filled as they are made.
absl::flat_hash_set<uint64_t>& CgroupsUsed();

// How many bpf_links of the machine hang on one of these cgroups.
absl::StatusOr<int> CountLinks(const absl::flat_hash_set<uint64_t>& cgroups);

// One sentence for each thing left: links on cgroups used, the cgroup of process `pid`, children of the
// calling process. The kernel drops links a moment after their last pin: waits up to 3 seconds for none.
std::vector<std::string> Leftovers(pid_t pid, const absl::flat_hash_set<uint64_t>& cgroups);

}  // namespace shunt::kernel_test

#endif  // SHUNT_TESTS_KERNEL_LEFTOVERS_H_
