// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/cgroup_root.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "userspace/datapath/kernel/attach/mounts.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

constexpr char kWhatToDo[] =
    "name one with --cgroup (`grep cgroup2 /proc/mounts` shows where it is mounted; a container needs the host's)";

// Returns true for "/" and for what is above the root of this cgroup namespace: "/..", "/../..".
bool IsRoot(absl::string_view shown) {
  if (shown == "/") return true;
  while (absl::ConsumePrefix(&shown, "/..")) {
  }
  return shown.empty();
}

int Rank(absl::string_view mount) {
  if (mount == "/sys/fs/cgroup") return 0;
  return mount == "/sys/fs/cgroup/unified" ? 1 : 2;
}

constexpr char kCgroup2[] = "cgroup2";

// The inode number of a cgroup's directory is its id on every 64-bit kernel.
uint64_t IdOf(const struct stat& directory) {
  return directory.st_ino;
}

}  // namespace

std::vector<std::string> CgroupMounts(absl::string_view mountinfo) {
  std::vector<std::string> found;
  for (Mount& mount : ReadMounts(mountinfo, kCgroup2)) {
    if (IsRoot(mount.shown)) found.push_back(std::move(mount.point));
  }
  absl::c_stable_sort(found, [](const std::string& a, const std::string& b) { return Rank(a) < Rank(b); });
  return found;
}

std::vector<std::string> CgroupMountsBelow(absl::string_view mountinfo, absl::string_view directory) {
  const std::string below = absl::StrCat(absl::StripSuffix(directory, "/"), "/");
  const std::string usual = absl::StrCat(below, "unified");
  std::vector<std::string> found;
  for (Mount& mount : ReadMounts(mountinfo, kCgroup2)) {
    if (absl::StartsWith(mount.point, below)) found.push_back(std::move(mount.point));
  }
  absl::c_stable_partition(found, [&](const std::string& point) { return point == usual; });
  return found;
}

absl::StatusOr<std::string> FindCgroupRoot() {
  std::vector<std::string> mounts = CgroupMounts(OwnMountInfo());
  if (mounts.empty()) return absl::NotFoundError(absl::StrCat("no cgroup2 file system is mounted: ", kWhatToDo));
  for (const std::string& mount : mounts) {
    // A mount that is covered by another is listed too. Only the true root has no file cgroup.type.
    if (OpenCgroup(mount).ok() && access(absl::StrCat(mount, "/cgroup.type").c_str(), F_OK) != 0) return mount;
  }
  return absl::NotFoundError(
      absl::StrCat(mounts.front(), " shows a container's cgroup, not the host's root: ", kWhatToDo));
}

absl::StatusOr<std::string> FindCgroupAt(const std::string& path) {
  const absl::Status here = OpenCgroup(path).status();
  if (here.ok()) return path;
  std::error_code error;
  const std::filesystem::path canonical = std::filesystem::canonical(path, error);  // as mountinfo has it
  if (error) return here;
  for (const std::string& mount : CgroupMountsBelow(OwnMountInfo(), canonical.string())) {
    if (OpenCgroup(mount).ok()) return mount;
  }
  return here;
}

absl::StatusOr<std::string> FindCgroup(const std::string& configured) {
  return configured.empty() ? FindCgroupRoot() : FindCgroupAt(configured);
}

absl::StatusOr<Cgroup> OpenCgroup(const std::string& path) {
  posix::FileDescriptor fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok()) {
    return absl::InvalidArgumentError(KernelError(errno, absl::StrCat("open cgroup ", path)).message());
  }
  struct statfs system{};
  struct stat directory{};
  if (fstatfs(fd.get(), &system) != 0 || fstat(fd.get(), &directory) != 0) {
    return KernelError(errno, absl::StrCat("stat cgroup ", path));
  }
  if (system.f_type != CGROUP2_SUPER_MAGIC) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not in a cgroup2 file system: ", kWhatToDo));
  }
  return Cgroup{path, IdOf(directory), std::move(fd)};
}

bool IsThere(const Cgroup& cgroup) {
  const posix::FileDescriptor file(openat(cgroup.fd.get(), "cgroup.controllers", O_RDONLY | O_CLOEXEC));
  return file.ok() || (errno != ENOENT && errno != ENODEV);
}

std::vector<std::string> CgroupsAbove(const std::string& path) {
  std::vector<std::string> above;
  std::error_code error;
  std::filesystem::path at = std::filesystem::canonical(path, error);
  if (error || !OpenCgroup(at.string()).ok()) return above;
  while (at.has_relative_path()) {
    at = at.parent_path();
    if (!OpenCgroup(at.string()).ok()) break;
    above.push_back(at.string());
  }
  return above;
}

std::string TopmostCgroup(const std::string& path) {
  const std::vector<std::string> above = CgroupsAbove(path);
  return above.empty() ? path : above.back();
}

std::string FindCgroupById(const std::string& root, uint64_t id) {
  struct stat directory{};
  if (id == 0 || stat(root.c_str(), &directory) != 0) return "";
  if (IdOf(directory) == id) return root;
  std::error_code error;
  using std::filesystem::directory_options;
  std::filesystem::recursive_directory_iterator at(root, directory_options::skip_permission_denied, error), end;
  // Cgroups come and go. A directory that vanishes ends the walk, at worst without a result.
  for (; !error && at != end; at.increment(error)) {
    if (!at->is_directory(error) || error) continue;
    if (stat(at->path().c_str(), &directory) == 0 && IdOf(directory) == id) return at->path().string();
  }
  return "";
}

}  // namespace shunt::datapath
