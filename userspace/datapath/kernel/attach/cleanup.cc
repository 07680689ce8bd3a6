// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/cleanup.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/attach/agent_lock.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/pins.h"

namespace shunt::datapath {
namespace {

bool IsDirectory(const std::string& path) {
  struct stat entry{};
  return lstat(path.c_str(), &entry) == 0 && S_ISDIR(entry.st_mode);
}

// Returns the paths in `directory`, sorted; empty if it cannot be read.
std::vector<std::string> PathsIn(const std::string& directory) {
  std::vector<std::string> paths;
  std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(directory.c_str()), closedir);
  if (stream == nullptr) return paths;
  while (const dirent* entry = readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") paths.push_back(absl::StrCat(directory, "/", name));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

// Removes one pin or empty directory. Returns OK if it is gone already.
absl::Status RemoveOne(const std::string& path, std::vector<std::string>* removed) {
  if (remove(path.c_str()) == 0) {
    removed->push_back(path);
    return absl::OkStatus();
  }
  return errno == ENOENT ? absl::OkStatus() : KernelError(errno, absl::StrCat("remove ", path));
}

absl::Status RemoveAllBelow(const std::string& directory, std::vector<std::string>* removed) {
  for (const std::string& path : PathsIn(directory)) {
    absl::Status status = IsDirectory(path) ? RemoveAllBelow(path, removed) : RemoveOne(path, removed);
    if (!status.ok()) return status;
  }
  return RemoveOne(directory, removed);
}

// Removes links in the order of detaching, then links that this build does not know.
absl::Status RemoveLinks(const std::string& directory, std::vector<std::string>* removed) {
  std::vector<std::string> paths;
  for (auto hook = kHooks.rbegin(); hook != kHooks.rend(); ++hook) {
    paths.push_back(absl::StrCat(directory, "/", hook->program));
  }
  for (std::string& path : PathsIn(directory)) {
    if (!IsDirectory(path) && !absl::c_linear_search(paths, path)) paths.push_back(std::move(path));
  }
  for (const std::string& path : paths) {
    DetachPinnedLink(path);
    if (absl::Status status = RemoveOne(path, removed); !status.ok()) return status;
  }
  return RemoveAllBelow(directory, removed);
}

absl::Status RemoveVersion(const std::string& directory, std::vector<std::string>* removed) {
  if (absl::Status status = RemoveLinks(directory + "/links", removed); !status.ok()) return status;
  return RemoveAllBelow(directory, removed);
}

}  // namespace

absl::Status Cleanup(const std::string& bpffs, std::vector<std::string>* removed) {
  if (absl::Status status = CheckBpffs(bpffs); !status.ok()) return status;
  const std::string root = PinRoot(bpffs);
  // A directory of another user, or a symbolic link, is not ours to empty. A directory that only we can enter does not
  // change while we empty it.
  if (absl::Status status = CheckPrivate(root); !status.ok()) {
    return absl::IsNotFound(status) ? absl::OkStatus() : status;
  }
  std::vector<AgentLock> locks;
  for (const std::string& version : PathsIn(root)) {
    if (!IsDirectory(version)) continue;
    absl::StatusOr<AgentLock> lock = AgentLock::Take(version, AgentLock::Purpose::kCleanUp);
    if (!lock.ok()) return lock.status();
    locks.push_back(*std::move(lock));
  }
  for (const std::string& version : PathsIn(root)) {
    absl::Status status = IsDirectory(version) ? RemoveVersion(version, removed) : RemoveOne(version, removed);
    if (!status.ok()) return status;
  }
  return RemoveOne(root, removed);
}

}  // namespace shunt::datapath
