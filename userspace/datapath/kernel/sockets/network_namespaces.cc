// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/sockets/network_namespaces.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

constexpr long kNamespaceFileSystem = 0x6e736673;  // NSFS_MAGIC

std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(directory.c_str()), &closedir);
  if (open == nullptr) return names;
  while (const dirent* entry = readdir(open.get())) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) names.push_back(entry->d_name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool IsProcess(const std::string& name) {
  return std::all_of(name.begin(), name.end(), absl::ascii_isdigit);
}

}  // namespace

NamespaceList FindNamespaces(const NamespacePlaces& places) {
  NamespaceList list;
  std::set<NamespaceId> seen;
  const auto add = [&](const std::string& path) {
    struct stat facts = {};
    if (::stat(path.c_str(), &facts) != 0) return;
    const NamespaceId id(facts.st_dev, facts.st_ino);
    if (seen.insert(id).second) list.namespaces.push_back({id, path});
  };
  for (const std::string& directory : places.directories) {
    for (const std::string& name : NamesIn(directory)) {
      const std::string path = absl::StrCat(directory, "/", name);
      struct statfs system = {};
      if (::statfs(path.c_str(), &system) != 0) continue;
      if (system.f_type == kNamespaceFileSystem) {
        add(path);
      } else {
        list.not_mounted.push_back(path);
      }
    }
  }
  if (places.proc.empty()) return list;
  for (const std::string& name : NamesIn(places.proc)) {
    if (IsProcess(name)) add(absl::StrCat(places.proc, "/", name, "/ns/net"));
  }
  return list;
}

absl::StatusOr<posix::FileDescriptor> OpenOwnNamespace() {
  posix::FileDescriptor fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd.ok()) return KernelError(errno, "open this thread's network namespace");
  return fd;
}

NamespaceId IdOf(int fd) {
  struct stat facts = {};
  ::fstat(fd, &facts);
  return {facts.st_dev, facts.st_ino};
}

absl::Status EnterNamespace(int fd, const std::string& name) {
  if (setns(fd, CLONE_NEWNET) != 0) return KernelError(errno, absl::StrCat("enter network namespace ", name));
  return absl::OkStatus();
}

}  // namespace shunt::datapath
