// SPDX-License-Identifier: Apache-2.0
// Waiting until no program still runs that began before now.
#ifndef SHUNT_DATAPATH_KERNEL_KERNEL_GRACE_H_
#define SHUNT_DATAPATH_KERNEL_KERNEL_GRACE_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/posix/unique_fd.h"

namespace shunt::datapath {

// An update of a map of maps: the kernel returns from it only when every program that might still use the
// map's old content has ended (since Linux 4.20, made for just this). Some 10 ms.
class MapOfMapsGrace {
 public:
  static absl::StatusOr<MapOfMapsGrace> Create();
  absl::Status Wait() const;

 private:
  MapOfMapsGrace(UniqueFd outer, UniqueFd inner) : outer_(std::move(outer)), inner_(std::move(inner)) {}

  UniqueFd outer_;
  UniqueFd inner_;
};

// membarrier(MEMBARRIER_CMD_GLOBAL), which waits in the same way, but not on nohz_full kernels and not with
// one CPU online, where it returns at once although a preemptible kernel may have a program half-way:
// kUnimplemented.
absl::Status MembarrierGrace();

// The first of the two that works here, for WorkerGracePeriod; null if neither does. Keeps what it needs open.
std::function<absl::Status()> ChooseKernelGrace();

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_KERNEL_GRACE_H_
