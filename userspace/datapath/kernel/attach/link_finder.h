// SPDX-License-Identifier: Apache-2.0
// Finds the programs of Shunt that are attached to cgroups, wherever they are pinned.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_LINK_FINDER_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_LINK_FINDER_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

struct FoundLink {
  Hook hook;
  uint64_t cgroup_id = 0;
  uint32_t link_id = 0;
  uint32_t program_id = 0;
};

// Asks the kernel by an iterator, which shows every link to a process with CAP_BPF and CAP_PERFMON. Ids alone would
// need CAP_SYS_ADMIN.
class LinkFinder {
 public:
  // Loads the iterator. Errors are those of the kernel.
  static absl::StatusOr<LinkFinder> Load();

  // Returns the links of programs of any build of Shunt at one of kHooks, translating hooks first. One look takes some
  // 30 microseconds where there are few links.
  absl::StatusOr<std::vector<FoundLink>> Find() const;

 private:
  explicit LinkFinder(posix::FileDescriptor iterator) : iterator_(std::move(iterator)) {}

  posix::FileDescriptor iterator_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_LINK_FINDER_H_
