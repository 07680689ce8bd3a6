// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace shunt::sandbox {
namespace {

absl::Status WriteTo(const std::string& path, absl::string_view text) {
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("open ", path));
  const ssize_t written = write(fd, text.data(), text.size());
  const int error = errno;
  close(fd);
  if (written < 0) return absl::ErrnoToStatus(error, absl::StrCat("write ", text, " to ", path));
  return absl::OkStatus();
}

std::vector<std::string> ChildrenOf(const std::string& directory) {
  std::vector<std::string> children;
  DIR* const open_directory = opendir(directory.c_str());
  if (open_directory == nullptr) return children;
  while (const dirent* entry = readdir(open_directory)) {
    const absl::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") children.push_back(absl::StrCat(directory, "/", name));
  }
  closedir(open_directory);
  return children;
}

}  // namespace

absl::StatusOr<std::string> FindCgroupMount() {
  std::ifstream mounts("/proc/self/mounts");
  std::string line;
  while (std::getline(mounts, line)) {
    std::istringstream words(line);
    std::string device, directory, type;
    words >> device >> directory >> type;
    if (type == "cgroup2") return directory;
  }
  return absl::FailedPreconditionError("no cgroup2 file system is mounted; mount -t cgroup2 none DIRECTORY");
}

absl::StatusOr<std::string> CurrentCgroup(const std::string& mount) {
  std::ifstream memberships("/proc/self/cgroup");
  std::string line;
  while (std::getline(memberships, line)) {
    absl::string_view path = line;
    if (absl::ConsumePrefix(&path, "0::")) return absl::StrCat(mount, path);
  }
  return absl::NotFoundError("/proc/self/cgroup names no cgroup2 membership");
}

absl::Status MakeCgroup(const std::string& directory) {
  if (mkdir(directory.c_str(), 0755) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("make cgroup ", directory));
  return absl::OkStatus();
}

absl::Status EnterCgroup(const std::string& directory) {
  return WriteTo(absl::StrCat(directory, "/cgroup.procs"), "0");
}

absl::Status RemoveCgroup(const std::string& directory) {
  if (access(directory.c_str(), F_OK) != 0) return absl::OkStatus();
  for (const std::string& child : ChildrenOf(directory)) {
    if (absl::Status removed = RemoveCgroup(child); !removed.ok()) return removed;
  }
  // Since Linux 5.14. A process in there is a child that its test forgot.
  (void)WriteTo(absl::StrCat(directory, "/cgroup.kill"), "1");
  int error = 0;
  for (int attempt = 0; attempt < 200; ++attempt) {  // killed processes need a moment to leave
    if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
    error = errno;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return absl::ErrnoToStatus(error, absl::StrCat("remove cgroup ", directory));
}

uint64_t CgroupId(const std::string& directory) {
  struct stat status;
  return stat(directory.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace shunt::sandbox
