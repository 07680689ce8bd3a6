// SPDX-License-Identifier: Apache-2.0
// Removes all of Shunt from the kernel.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_CLEANUP_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_CLEANUP_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace shunt::datapath {

// Removes everything below `bpffs`/shunt, of every layout and version: links first, translating hooks before reversing
// ones, then programs, maps and the directories. It also removes our filters from the devices of this network
// namespace, and releases the ports that were reserved in it (reserved_ports.h). Appends each path or filter that it
// removed to `removed`, also if it fails.
// Returns OK if there is nothing to remove. New connections are no longer translated when it returns; existing ones
// stay. Returns kFailedPrecondition if an agent is using the pins (the message names its pid); nothing was removed
// then. Returns kPermissionDenied if only the ports could not be released; the message says what to do.
absl::Status Cleanup(const std::string& bpffs, std::vector<std::string>* removed);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_CLEANUP_H_
