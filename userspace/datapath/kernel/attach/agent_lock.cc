// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/agent_lock.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/object/pin_removal.h"

namespace shunt::datapath {
namespace {

struct Holder {
  pid_t pid;
  bool is_shared;  // its lock
};

// Returns the processes that hold a flock on the file, of those that this PID namespace shows. A line of /proc/locks is
// "1: FLOCK  ADVISORY  WRITE 7205 00:27:32362 0 EOF".
std::vector<Holder> HoldersOf(const struct stat& file) {
  const std::string place = absl::StrFormat("%02x:%02x:%d", major(file.st_dev), minor(file.st_dev), file.st_ino);
  std::vector<Holder> holders;
  std::ifstream lines("/proc/locks");
  std::string line;
  while (std::getline(lines, line)) {
    std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    pid_t pid = 0;
    if (words.size() >= 6 && words[1] == "FLOCK" && words[5] == place && absl::SimpleAtoi(words[4], &pid) && pid > 0) {
      holders.push_back({pid, words[3] == "READ"});
    }
  }
  return holders;
}

// Returns the process that holds the flock, or 0 if it is in a PID namespace that this one does not show.
pid_t HolderOf(const struct stat& directory) {
  const std::vector<Holder> holders = HoldersOf(directory);
  return holders.empty() ? 0 : holders.front().pid;
}

std::string NameOf(pid_t pid) {
  return pid != 0 ? absl::StrCat("pid ", pid) : "whose pid is not visible from this PID namespace";
}

absl::Status InUse(const std::string& directory, pid_t pid, AgentLock::Purpose purpose) {
  if (purpose == AgentLock::Purpose::kCleanUp) {
    return absl::FailedPreconditionError(
        absl::StrCat("an agent, ", NameOf(pid), ", is running with pin directory ", directory, ": stop it first"));
  }
  return absl::FailedPreconditionError(absl::StrCat("pin directory ", directory, " is in use by another agent, ",
                                                    NameOf(pid), ": stop it first, or use another --bpffs"));
}

// Every directory that an agent with these pins may have locked.
std::vector<std::string> LockedDirectories(const PinDirectory& pins) {
  std::vector<std::string> directories = pins.EarlierLayouts();
  directories.insert(directories.begin(), pins.path());
  return directories;
}

// Returns the pin directory that the process has locked, as its own mount namespace names it, or an empty string if
// /proc does not show it.
std::string PinsOf(pid_t pid) {
  if (pid == 0) return "";
  const std::string root = PinRoot("");
  for (const std::string& link : PathsIn(absl::StrCat("/proc/", pid, "/fd"))) {
    char target[512];
    const ssize_t length = readlink(link.c_str(), target, sizeof(target));
    if (length < 0) continue;
    const absl::string_view path(target, static_cast<size_t>(length));
    struct statfs system{};
    const bool is_bpffs = statfs(link.c_str(), &system) == 0 && static_cast<uint32_t>(system.f_type) == BPF_FS_MAGIC;
    if (absl::EndsWith(path, root) && is_bpffs) return std::string(path);
  }
  return "";
}

constexpr char kHere[] = "/cgroup.controllers";
constexpr char kBelow[] = "/cgroup.procs";

// Returns whether the process runs as root, or as this one does, and has locked a pin directory: any user may lock a
// file that all may read. The owner of /proc/PID is no witness: of a process that cannot be dumped, that is root.
bool IsAgent(pid_t pid) {
  std::ifstream lines(absl::StrCat("/proc/", pid, "/status"));
  std::string line;
  while (std::getline(lines, line) && !absl::StartsWith(line, "Uid:")) {
  }
  const std::vector<absl::string_view> words = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  uid_t user = 0;
  if (words.size() < 3 || !absl::SimpleAtoi(words[2], &user)) return false;  // the real one, then the effective one
  return (user == 0 || user == geteuid()) && !PinsOf(pid).empty();
}

// Returns whether an agent has marked the file, and which: 0 if its PID namespace is not shown in this one. The lock
// that finds out is free again at once: an agent that meets it marks the file a second later. Nor is such a lock of
// another agent taken for a mark: it is not shared, or gone when it is looked for again.
bool IsMarked(const std::string& file, pid_t* agent) {
  constexpr int kLooks = 3;
  const posix::FileDescriptor fd(open(file.c_str(), O_RDONLY | O_CLOEXEC));
  for (int look = 0; look < kLooks; ++look) {
    struct stat marked{};
    if (!fd.ok() || flock(fd.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return false;
    if (fstat(fd.get(), &marked) != 0) return false;
    const std::vector<Holder> holders = HoldersOf(marked);
    const auto found = absl::c_find_if(holders, [](const Holder& h) { return h.is_shared && IsAgent(h.pid); });
    *agent = found == holders.end() ? 0 : found->pid;
    if (!holders.empty()) return found != holders.end();
  }
  return true;
}

std::string DescribeNested(pid_t agent, absl::string_view where) {
  const std::string pins = PinsOf(agent);
  return absl::StrCat("another agent, ", NameOf(agent), pins.empty() ? "" : absl::StrCat(", with pin directory ", pins),
                      ", serves ", where,
                      ": both translate what the sockets of the lower cgroup do. Unless that is a cluster within this "
                      "node, stop one of them");
}

}  // namespace

// Sets `holder`, and returns kUnavailable, if another process has the lock.
absl::StatusOr<AgentLock> AgentLock::TakeDirectory(const std::string& what, const std::string& directory,
                                                   pid_t* holder) {
  const std::string place = absl::StrCat(what, " ", directory);
  for (;;) {
    posix::FileDescriptor fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.ok()) return KernelError(errno, absl::StrCat("open ", place));
    struct stat held{};
    if (fstat(fd.get(), &held) != 0) return KernelError(errno, absl::StrCat("stat ", place));
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return KernelError(errno, absl::StrCat("lock ", place));
      *holder = HolderOf(held);
      return absl::UnavailableError(absl::StrCat(place, " is locked"));
    }
    // A cleanup may have removed the directory between open and flock. The lock is useless then, so try again.
    if (access(directory.c_str(), F_OK) != 0) return KernelError(errno, absl::StrCat("find ", place));
    if (AgentLock lock(std::move(fd)); lock.IsOf(directory)) return lock;
  }
}

bool AgentLock::IsOf(const std::string& directory) const {
  struct stat held{}, named{};
  if (fstat(fd_.get(), &held) != 0 || stat(directory.c_str(), &named) != 0) return false;
  return named.st_ino == held.st_ino && named.st_dev == held.st_dev;
}

absl::StatusOr<AgentLock> AgentLock::Take(const std::string& directory, Purpose purpose) {
  pid_t holder = 0;
  absl::StatusOr<AgentLock> lock = TakeDirectory("pin directory", directory, &holder);
  if (absl::IsUnavailable(lock.status())) return InUse(directory, holder, purpose);
  return lock;
}

absl::StatusOr<AgentLock> AgentLock::TakeCgroup(const std::string& cgroup) {
  pid_t holder = 0;
  absl::StatusOr<AgentLock> lock = TakeDirectory("cgroup", cgroup, &holder);
  if (!absl::IsUnavailable(lock.status())) return lock;
  const std::string pins = PinsOf(holder);
  return absl::FailedPreconditionError(absl::StrCat(
      "cgroup ", cgroup, " is served by another agent, ", NameOf(holder),
      pins.empty() ? "" : absl::StrCat(", with pin directory ", pins),
      ": stop it first, or use another --cgroup (an agent in a container needs the host's BPF file system, too)"));
}

absl::StatusOr<AgentLock> AgentLock::TakeNetwork() {
  posix::FileDescriptor fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  struct stat held{};
  if (!fd.ok() || fstat(fd.get(), &held) != 0) return KernelError(errno, "open the network namespace");
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return AgentLock(std::move(fd));
  if (errno != EWOULDBLOCK) return KernelError(errno, "lock the network namespace");
  return absl::FailedPreconditionError(absl::StrCat(
      "another agent, ", NameOf(HolderOf(held)),
      ", has the packet path of this network namespace: stop it first, or run one of the two with --devices=none"));
}

NestedAgents::NestedAgents(const std::string& cgroup) : cgroup_(cgroup), above_(CgroupsAbove(cgroup)) {
  marks_.push_back({cgroup_ + kHere, posix::FileDescriptor()});
  for (const std::string& above : above_) marks_.push_back({above + kBelow, posix::FileDescriptor()});
}

std::string NestedAgents::Find() {
  for (Mark& mark : marks_) {
    if (mark.fd.ok()) continue;
    posix::FileDescriptor fd(open(mark.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (fd.ok() && flock(fd.get(), LOCK_SH | LOCK_NB) == 0) mark.fd = std::move(fd);
  }
  std::vector<std::string> found;
  pid_t agent = 0;
  for (const std::string& above : above_) {
    if (!IsMarked(above + kHere, &agent)) continue;
    found.push_back(DescribeNested(agent, absl::StrCat("cgroup ", above, ", above this agent's ", cgroup_)));
  }
  if (!cgroup_.empty() && IsMarked(cgroup_ + kBelow, &agent)) {
    found.push_back(DescribeNested(agent, absl::StrCat("a cgroup below this agent's ", cgroup_)));
  }
  return absl::StrJoin(found, "; ");
}

bool IsServed(const std::string& cgroup) {
  pid_t agent = 0;
  return IsMarked(cgroup + kHere, &agent);
}

absl::StatusOr<std::vector<AgentLock>> LockPins(const PinDirectory& pins, AgentLock::Purpose purpose) {
  std::vector<AgentLock> locks;
  for (const std::string& directory : LockedDirectories(pins)) {
    absl::StatusOr<AgentLock> lock = AgentLock::Take(directory, purpose);
    if (!lock.ok()) return lock.status();
    locks.push_back(*std::move(lock));
  }
  return locks;
}

absl::Status FindLockedPins(const PinDirectory& pins, AgentLock::Purpose purpose) {
  for (const std::string& directory : LockedDirectories(pins)) {
    struct stat named{};
    const pid_t holder = stat(directory.c_str(), &named) == 0 ? HolderOf(named) : 0;
    if (holder != 0) return InUse(directory, holder, purpose);
  }
  return absl::OkStatus();
}

absl::Status WhyServingIsRefused(const std::string& bpffs, const absl::Status& cgroup) {
  const absl::StatusOr<PinDirectory> pins = PinDirectory::Open(bpffs);
  if (!pins.ok()) return absl::IsNotFound(pins.status()) ? cgroup : pins.status();
  const absl::Status locked = FindLockedPins(*pins, AgentLock::Purpose::kServe);
  return locked.ok() ? cgroup : locked;
}

}  // namespace shunt::datapath
