// SPDX-License-Identifier: Apache-2.0
// The locks that allow one agent per pin directory and one per cgroup.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_AGENT_LOCK_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_AGENT_LOCK_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

// An flock on a directory itself: every process that sees the directory, from any mount or container, meets the same
// lock, and the kernel frees it when its holder ends.
class AgentLock {
 public:
  // What the caller is about to do with the pins, for the message.
  enum class Purpose { kServe, kCleanUp };

  // Locks a pin directory. Returns kFailedPrecondition if another process holds the lock; the message names its pid if
  // this PID namespace shows it. Returns kNotFound if there is no such directory.
  static absl::StatusOr<AgentLock> Take(const std::string& directory, Purpose purpose = Purpose::kServe);
  // Locks a cgroup's directory, because two agents may have different BPF file systems and the same cgroup. Errors are
  // as above; the message also names the holder's pin directory, if /proc shows it.
  static absl::StatusOr<AgentLock> TakeCgroup(const std::string& cgroup);

 private:
  explicit AgentLock(posix::FileDescriptor fd) : fd_(std::move(fd)) {}
  static absl::StatusOr<AgentLock> TakeDirectory(const std::string& what, const std::string& directory, pid_t* holder);

  posix::FileDescriptor fd_;
};

// Locks the pin directory, and those of earlier layouts in it, which agents of that time lock instead.
absl::StatusOr<std::vector<AgentLock>> LockPins(const PinDirectory& pins, AgentLock::Purpose purpose);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_AGENT_LOCK_H_
