// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/object/pins.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bpf/abi.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kOthers = 0077;

absl::Status MakePrivate(const std::string& path) {
  if (mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return KernelError(errno, absl::StrCat("make directory ", path));
  }
  return CheckPrivate(path);
}

std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
    std::string name = at->path().filename().string();
    if (!absl::EndsWith(name, "_next")) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> DirectoriesOf(absl::string_view bpffs) {
  const std::string path = PinPath(bpffs);
  return {PinRoot(bpffs), path, path + "/maps", path + "/links", path + "/programs"};
}

}  // namespace

std::string PinRoot(absl::string_view bpffs) {
  return absl::StrCat(bpffs, "/shunt");
}
std::string PinPath(absl::string_view bpffs) {
  return absl::StrCat(PinRoot(bpffs), "/v", SHUNT_ABI_VERSION);
}

uint32_t PinAbiVersion() {
  return SHUNT_ABI_VERSION;
}

absl::Status CheckBpffs(const std::string& bpffs) {
  struct statfs system{};
  if (statfs(bpffs.c_str(), &system) != 0) {
    return absl::FailedPreconditionError(KernelError(errno, absl::StrCat("BPF file system ", bpffs)).message());
  }
  // f_type is signed on some architectures.
  if (static_cast<uint32_t>(system.f_type) != BPF_FS_MAGIC) {
    return absl::FailedPreconditionError(
        absl::StrCat(bpffs, " is not in a BPF file system: mount one (mount -t bpf -o mode=700 bpf ", bpffs,
                     ") or name another with --bpffs"));
  }
  return absl::OkStatus();
}

absl::Status CheckPrivate(const std::string& path) {
  struct stat directory{};
  if (lstat(path.c_str(), &directory) != 0) return KernelError(errno, absl::StrCat("stat ", path));
  if (!S_ISDIR(directory.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is not a directory"));
  if (directory.st_uid != geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " belongs to user ", directory.st_uid, ", not to ", geteuid(), ": remove it or chown it"));
  }
  if ((directory.st_mode & kOthers) != 0) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s is open to others (mode %04o), who could detach the programs: chmod 700 it", path,
                        directory.st_mode & 07777));
  }
  return absl::OkStatus();
}

absl::StatusOr<PinDirectory> PinDirectory::OpenOrCreate(const std::string& bpffs) {
  if (absl::Status status = CheckBpffs(bpffs); !status.ok()) return status;
  for (const std::string& directory : DirectoriesOf(bpffs)) {
    if (absl::Status status = MakePrivate(directory); !status.ok()) return status;
  }
  return PinDirectory(PinPath(bpffs));
}

absl::StatusOr<PinDirectory> PinDirectory::Open(const std::string& bpffs) {
  if (absl::Status status = CheckBpffs(bpffs); !status.ok()) return status;
  for (const std::string& directory : DirectoriesOf(bpffs)) {
    absl::Status status = CheckPrivate(directory);
    if (absl::IsNotFound(status)) {
      return absl::NotFoundError(
          absl::StrCat("nothing of Shunt is pinned below ", directory == PinRoot(bpffs) ? bpffs : directory));
    }
    if (!status.ok()) return status;
  }
  return PinDirectory(PinPath(bpffs));
}

std::string PinDirectory::MapPath(absl::string_view name) const {
  return absl::StrCat(path_, "/maps/", name);
}
std::string PinDirectory::LinkPath(absl::string_view program) const {
  return absl::StrCat(path_, "/links/", program);
}
std::string PinDirectory::ProgramPath(absl::string_view program) const {
  return absl::StrCat(path_, "/programs/", program);
}
std::vector<std::string> PinDirectory::MapNames() const {
  return NamesIn(path_ + "/maps");
}
std::vector<std::string> PinDirectory::LinkNames() const {
  return NamesIn(path_ + "/links");
}

}  // namespace shunt::datapath
