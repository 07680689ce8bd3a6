// SPDX-License-Identifier: Apache-2.0
// Grace periods: waiting until every program that began before now has ended.
#ifndef SHUNT_DATAPATH_KERNEL_KERNEL_GRACE_H_
#define SHUNT_DATAPATH_KERNEL_KERNEL_GRACE_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

// Updates a map of maps: since Linux 4.20 the kernel returns from that only when every program that might still use the
// map's old content has ended. It takes some 10 ms.
class MapOfMapsGrace {
 public:
  static absl::StatusOr<MapOfMapsGrace> Create();
  absl::Status Wait() const;

 private:
  MapOfMapsGrace(posix::FileDescriptor outer, posix::FileDescriptor inner)
      : outer_(std::move(outer)), inner_(std::move(inner)) {}

  posix::FileDescriptor outer_;
  posix::FileDescriptor inner_;
};

// Waits in the same way by membarrier(MEMBARRIER_CMD_GLOBAL). Returns kUnimplemented on nohz_full kernels, which have
// no such membarrier, and with one CPU online: it then returns at once, although a preemptible kernel may be in the
// middle of a program.
absl::Status MembarrierGrace();

// Returns the first of the two that works here, for WorkerGracePeriod, or null if neither does. The function owns the
// descriptors that it needs.
std::function<absl::Status()> ChooseKernelGrace();

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_KERNEL_GRACE_H_
