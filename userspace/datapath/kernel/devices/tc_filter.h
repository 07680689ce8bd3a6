// SPDX-License-Identifier: Apache-2.0
// A program at a device as a filter of the clsact qdisc, for kernels without TCX. A filter stays in the kernel by
// itself, without a pin, until it, its qdisc or its device is removed.
#ifndef SHUNT_DATAPATH_KERNEL_DEVICES_TC_FILTER_H_
#define SHUNT_DATAPATH_KERNEL_DEVICES_TC_FILTER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/devices/device_direction.h"

namespace shunt::datapath {

// Where our filters are: filters run by priority, the lowest first. This leaves room before them for what has to be
// first, and they come before what is added without a priority.
inline constexpr uint16_t kFilterPriority = 16;
inline constexpr uint32_t kFilterHandle = 0x5348;

// A filter of kind "bpf".
struct TcFilter {
  uint16_t priority = 0;
  uint32_t handle = 0;
  std::string name;  // as its owner gave it, "shunt_ingress"
  uint32_t program_id = 0;
  bool is_ours = false;  // it has our priority, handle and name
};

// All of these act on a device of the calling thread's network namespace, by its index.

// Returns the filters of kind "bpf" at the hook, in the order of priority; none without a clsact qdisc or a device.
absl::StatusOr<std::vector<TcFilter>> FiltersOn(uint32_t device, Direction direction);

// Adds our filter, and the clsact qdisc if it is missing, or replaces its program in one step. Returns
// kFailedPrecondition, and changes nothing, if another program's filter has our priority and handle, or if an ingress
// qdisc is in the place of clsact.
absl::Status PutFilter(int program_fd, uint32_t device, Direction direction);

// Removes our filter, if it is there; returns whether it was. The qdisc stays, because filters of others may come to
// hang on it at any time.
absl::StatusOr<bool> RemoveFilter(uint32_t device, Direction direction);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_DEVICES_TC_FILTER_H_
