// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/object/pin_removal.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {

bool IsDirectory(const std::string& path) {
  struct stat entry{};
  return lstat(path.c_str(), &entry) == 0 && S_ISDIR(entry.st_mode);
}

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

absl::Status RemoveOne(const std::string& path, std::vector<std::string>* removed) {
  if (remove(path.c_str()) == 0) {
    if (removed != nullptr) removed->push_back(path);
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

}  // namespace shunt::datapath
