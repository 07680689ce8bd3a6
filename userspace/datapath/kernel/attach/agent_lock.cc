// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/agent_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

// Returns the process that holds the flock, or 0 if /proc/locks does not show it, because it is in another PID
// namespace. A line is "1: FLOCK  ADVISORY  WRITE 7205 00:27:32362 0 EOF".
pid_t HolderOf(const struct stat& directory) {
  const std::string place =
      absl::StrFormat("%02x:%02x:%d", major(directory.st_dev), minor(directory.st_dev), directory.st_ino);
  std::ifstream lines("/proc/locks");
  std::string line;
  while (std::getline(lines, line)) {
    std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    int pid = 0;
    if (words.size() >= 6 && words[1] == "FLOCK" && words[5] == place && absl::SimpleAtoi(words[4], &pid)) {
      return pid > 0 ? pid : 0;
    }
  }
  return 0;
}

absl::Status InUse(const std::string& directory, pid_t pid, AgentLock::Purpose purpose) {
  const std::string holder = pid != 0 ? absl::StrCat("pid ", pid) : "whose pid is not visible from this PID namespace";
  if (purpose == AgentLock::Purpose::kCleanUp) {
    return absl::FailedPreconditionError(
        absl::StrCat("an agent, ", holder, ", is running with pin directory ", directory, ": stop it first"));
  }
  return absl::FailedPreconditionError(absl::StrCat("pin directory ", directory, " is in use by another agent, ",
                                                    holder, ": stop it first, or use another --bpffs"));
}

}  // namespace

absl::StatusOr<AgentLock> AgentLock::Take(const std::string& directory, Purpose purpose) {
  for (;;) {
    posix::FileDescriptor fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.ok()) return KernelError(errno, absl::StrCat("open pin directory ", directory));
    struct stat held{}, named{};
    if (fstat(fd.get(), &held) != 0) return KernelError(errno, absl::StrCat("stat pin directory ", directory));
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return KernelError(errno, absl::StrCat("lock pin directory ", directory));
      return InUse(directory, HolderOf(held), purpose);
    }
    // A cleanup may have removed the directory between open and flock. The lock is useless then, so try again.
    if (stat(directory.c_str(), &named) != 0) return KernelError(errno, absl::StrCat("stat pin directory ", directory));
    if (named.st_ino == held.st_ino && named.st_dev == held.st_dev) return AgentLock(std::move(fd));
  }
}

}  // namespace shunt::datapath
