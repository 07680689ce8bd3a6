// SPDX-License-Identifier: Apache-2.0
// Removes what outlives a process, even if the process crashes.
#ifndef SHUNT_SANDBOX_JANITOR_H_
#define SHUNT_SANDBOX_JANITOR_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace shunt::sandbox {

// A child process that waits for its parent's end, by a crash or SIGKILL too, and then removes one cgroup with
// everything in and below it. Namespaces and their mounts need no janitor: the kernel drops them.
class Janitor {
 public:
  // Forks a child that holds none of the parent's descriptors. REQUIRES: the calling process has one thread.
  static absl::StatusOr<std::unique_ptr<Janitor>> Start(const std::string& cgroup);
  // Tells the child to remove the cgroup and waits for it. REQUIRES: the calling process has left the cgroup.
  ~Janitor();

  pid_t pid() const { return pid_; }

 private:
  Janitor(pid_t pid, int pipe) : pid_(pid), pipe_(pipe) {}
  pid_t pid_;
  int pipe_;  // a byte is the signal
};

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_JANITOR_H_
