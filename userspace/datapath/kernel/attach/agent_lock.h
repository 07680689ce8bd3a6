// SPDX-License-Identifier: Apache-2.0
// One agent per pin directory.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_AGENT_LOCK_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_AGENT_LOCK_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/posix/unique_fd.h"

namespace shunt::datapath {

// An flock on the pin directory itself: whoever sees the same pins, from whatever mount or container, meets
// the same lock, and no death of its holder leaves it behind.
class AgentLock {
 public:
  // kFailedPrecondition: another process holds it; the message names its pid if this PID namespace shows it.
  // kNotFound: no such directory.
  static absl::StatusOr<AgentLock> Take(const std::string& directory);

 private:
  explicit AgentLock(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_AGENT_LOCK_H_
