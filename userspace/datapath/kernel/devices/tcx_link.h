// SPDX-License-Identifier: Apache-2.0
// Links of programs to a device's TCX hooks (Linux 6.6), by the system call itself: libbpf 1.1 does not know them.
#ifndef SHUNT_DATAPATH_KERNEL_DEVICES_TCX_LINK_H_
#define SHUNT_DATAPATH_KERNEL_DEVICES_TCX_LINK_H_

#include <linux/bpf.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/devices/device_direction.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

// Returns whether this kernel has TCX. REQUIRES: CAP_NET_ADMIN.
bool HasTcx();

// Attaches the program to the device before all programs that are there: one that ends the run of programs by
// TCX_PASS must not hide packets from ours. The link lives as long as the returned descriptor, unless it is pinned. It
// ends with the device. `device` is an index in the network namespace of the calling thread.
absl::StatusOr<posix::FileDescriptor> CreateTcxLink(int program_fd, uint32_t device, Direction direction);

// Lets the link run another program, in one step.
absl::Status UpdateTcxLink(int link_fd, int program_fd);

// Returns the ids of the links on the device, in the order in which they run.
absl::StatusOr<std::vector<uint32_t>> TcxLinksOn(uint32_t device, Direction direction);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_DEVICES_TCX_LINK_H_
