// SPDX-License-Identifier: Apache-2.0
// The locks that allow one agent per pin directory and one per cgroup, and show agents on cgroups above and below.
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

  // Locks the network namespace of the calling thread, for the agent that has its packet path: two would translate what
  // comes in by a device one after the other. Errors are as above.
  static absl::StatusOr<AgentLock> TakeNetwork();

  // Returns whether this is the lock of the directory that is at `directory` now.
  bool IsOf(const std::string& directory) const;

 private:
  explicit AgentLock(posix::FileDescriptor fd) : fd_(std::move(fd)) {}
  static absl::StatusOr<AgentLock> TakeDirectory(const std::string& what, const std::string& directory, pid_t* holder);

  posix::FileDescriptor fd_;
};

// Finds agents with other pins on cgroups above and below this agent's: both translate what the sockets of the lower
// cgroup do. That may be meant, by a cluster within a node, so it is shown and not refused. Agents mark where they are
// by shared locks on files that every cgroup has, `cgroup.controllers` of their own and `cgroup.procs` of all above,
// for as long as this object lives; an agent that cannot lock one of them exclusively has found another agent, unless
// /proc shows that the process with the lock is none.
class NestedAgents {
 public:
  NestedAgents() = default;  // marks nothing and finds nothing
  explicit NestedAgents(const std::string& cgroup);

  // Returns a sentence about each agent that there is now, or an empty string.
  std::string Find();

 private:
  struct Mark {
    std::string file;
    posix::FileDescriptor fd;  // invalid until the lock could be had
  };

  std::string cgroup_;
  std::vector<std::string> above_;
  std::vector<Mark> marks_;
};

// Returns whether an agent that is running, this process included, serves the cgroup itself.
bool IsServed(const std::string& cgroup);

// Locks the pin directory, and those of earlier layouts in it, which agents of that time lock instead.
absl::StatusOr<std::vector<AgentLock>> LockPins(const PinDirectory& pins, AgentLock::Purpose purpose);

// Returns the error of LockPins, without locking anything, if another agent holds one of those locks in a process that
// this PID namespace shows.
absl::Status FindLockedPins(const PinDirectory& pins, AgentLock::Purpose purpose);

// Returns why an agent cannot serve whose cgroup is locked, which `cgroup` says: if another agent has its pins, too,
// the error about those. It locks nothing, because the agent that has the cgroup may be about to.
absl::Status WhyServingIsRefused(const std::string& bpffs, const absl::Status& cgroup);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_AGENT_LOCK_H_
