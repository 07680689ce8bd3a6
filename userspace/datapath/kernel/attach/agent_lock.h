// SPDX-License-Identifier: Apache-2.0
// The lock that allows one agent per pin directory.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_AGENT_LOCK_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_AGENT_LOCK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

// An flock on the pin directory itself: every process that sees the same pins, from any mount or container, meets the
// same lock, and the kernel frees it when its holder ends.
class AgentLock {
 public:
  // What the caller is about to do with the pins, for the message.
  enum class Purpose { kServe, kCleanUp };

  // Returns kFailedPrecondition if another process holds the lock; the message names its pid if this PID namespace
  // shows it. Returns kNotFound if there is no such directory.
  static absl::StatusOr<AgentLock> Take(const std::string& directory, Purpose purpose = Purpose::kServe);

 private:
  explicit AgentLock(posix::FileDescriptor fd) : fd_(std::move(fd)) {}

  posix::FileDescriptor fd_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_AGENT_LOCK_H_
