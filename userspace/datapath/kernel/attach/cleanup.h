// SPDX-License-Identifier: Apache-2.0
// The way back: nothing of Shunt stays in the kernel.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_CLEANUP_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_CLEANUP_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace shunt::datapath {

// Removes everything below `bpffs`/shunt, of every ABI version: links first, translating hooks before
// reversing ones, then programs, maps and the directories. Appends the path of all that it removed to
// `removed`, also when it fails; nothing to remove is OK. When it returns, new connections are not
// translated any more; those that exist stay where they are.
// kFailedPrecondition: an agent is using the pins (the message names its pid); nothing was removed.
absl::Status Cleanup(const std::string& bpffs, std::vector<std::string>* removed);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_CLEANUP_H_
