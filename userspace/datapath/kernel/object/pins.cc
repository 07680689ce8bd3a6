// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/object/pins.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "bpf/abi.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/object/pin_removal.h"

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

constexpr char kCurrent[] = "/current";
constexpr char kMemory[] = "/memory";
constexpr char kNext[] = "_next";

std::string NameOf(absl::string_view path) {
  return std::string(path.substr(path.find_last_of('/') + 1));
}

std::vector<std::string> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  for (const std::string& path : PathsIn(directory)) {
    if (!absl::EndsWith(path, kNext)) names.push_back(NameOf(path));
  }
  return names;
}

std::vector<std::string> DirectoriesOf(absl::string_view bpffs) {
  const std::string path = PinRoot(bpffs);
  return {path, path + "/links", path + "/programs"};
}

// Returns the version in a name such as "plan-v1-3" (`kind` is "plan"), or nullopt if it is another name.
std::optional<uint32_t> VersionIn(absl::string_view name, absl::string_view kind) {
  uint32_t version = 0, number = 0;
  if (!absl::ConsumePrefix(&name, kind) || !absl::ConsumePrefix(&name, "-v")) return std::nullopt;
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(name, absl::MaxSplits('-', 1));
  if (!absl::SimpleAtoi(parts.first, &version) || !absl::SimpleAtoi(parts.second, &number)) return std::nullopt;
  return version;
}

// Returns the name that the symbolic link leads to, without the directories before it, or an empty string.
std::string Target(const std::string& link) {
  char target[256];
  const ssize_t length = readlink(link.c_str(), target, sizeof(target));
  return length < 0 ? "" : NameOf(absl::string_view(target, static_cast<size_t>(length)));
}

// Returns the directory that `link` leads to in `root`, or nullopt if it leads to none of this kind.
absl::StatusOr<std::optional<MapDirectory>> Follow(const std::string& root, const std::string& link,
                                                   absl::string_view kind) {
  const std::string name = Target(link);
  const std::optional<uint32_t> version = VersionIn(name, kind);
  MapDirectory directory{.path = absl::StrCat(root, "/", name), .version = version.value_or(0)};
  if (!version.has_value()) return std::nullopt;
  const absl::Status status = CheckPrivate(directory.path);
  if (absl::IsNotFound(status)) return std::nullopt;
  if (!status.ok()) return status;
  return directory;
}

// Creates KIND-vVERSION-N in `root` with the first free N.
absl::StatusOr<MapDirectory> NewDirectory(const std::string& root, absl::string_view kind, uint32_t version) {
  for (uint32_t number = 1;; ++number) {
    MapDirectory directory{.path = absl::StrCat(root, "/", kind, "-v", version, "-", number), .version = version};
    if (mkdir(directory.path.c_str(), kDirectoryMode) == 0) return directory;
    if (errno != EEXIST) return KernelError(errno, absl::StrCat("make directory ", directory.path));
  }
}

// Makes `link` lead to `target`, in one step if there is such a link already.
absl::Status ReplaceSymbolicLink(const std::string& target, const std::string& link) {
  const std::string next = link + kNext;
  if (unlink(next.c_str()) != 0 && errno != ENOENT) return KernelError(errno, absl::StrCat("remove ", next));
  if (symlink(target.c_str(), next.c_str()) != 0) return KernelError(errno, absl::StrCat("make symbolic link ", next));
  if (rename(next.c_str(), link.c_str()) != 0) {
    return KernelError(errno, absl::StrCat("rename ", next, " to ", link));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsMemoryMap(absl::string_view map) {
  return absl::StartsWith(map, "socket_") || absl::StartsWith(map, "previous_") || absl::StartsWith(map, "flow_") ||
         map == "snat_ports" || map == "fragments" || map == "sweeper" || map == "reasons" ||
         map == "source_versions" || map == "meta";
}

std::string MapDirectory::MapPath(absl::string_view map) const {
  return absl::StrCat(path, "/", map);
}

std::vector<std::string> MapDirectory::MapNames() const {
  std::vector<std::string> names = NamesIn(path);
  std::erase(names, "memory");
  return names;
}

std::string PinRoot(absl::string_view bpffs) {
  return absl::StrCat(bpffs, "/shunt");
}

uint32_t PinAbiVersion() {
  return SHUNT_PLAN_VERSION;
}

absl::Status CheckBpffs(const std::string& bpffs, BpffsUse use) {
  struct statfs system{};
  if (statfs(bpffs.c_str(), &system) != 0) {
    return absl::FailedPreconditionError(KernelError(errno, absl::StrCat("BPF file system ", bpffs)).message());
  }
  // f_type is signed on some architectures.
  if (static_cast<uint32_t>(system.f_type) == BPF_FS_MAGIC) return absl::OkStatus();
  const std::string what_to_do =
      use == BpffsUse::kPin
          ? absl::StrCat(": mount one (mount -t bpf -o mode=700 bpf ", bpffs, ") or name another with --bpffs")
          : ", so nothing of Shunt is pinned in it: name the agent's with --bpffs";
  return absl::FailedPreconditionError(absl::StrCat(bpffs, " is not in a BPF file system", what_to_do));
}

absl::Status CheckPrivate(const std::string& path) {
  struct stat directory{};
  if (lstat(path.c_str(), &directory) != 0) return KernelError(errno, absl::StrCat("stat ", path));
  if (!S_ISDIR(directory.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " is not a directory"));
  if (directory.st_uid != geteuid()) {
    // Only root may remove or give away what is another user's.
    return absl::FailedPreconditionError(
        absl::StrCat(path, " belongs to user ", directory.st_uid, ", not to ", geteuid(), ": ",
                     geteuid() == 0 ? "remove it or chown it" : absl::StrCat("run this as user ", directory.st_uid)));
  }
  if ((directory.st_mode & kOthers) != 0) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s is open to others (mode %04o), who could detach the programs: chmod 700 it", path,
                        directory.st_mode & 07777));
  }
  return absl::OkStatus();
}

absl::StatusOr<PinDirectory> PinDirectory::OpenOrCreate(const std::string& bpffs) {
  if (absl::Status status = CheckBpffs(bpffs, BpffsUse::kPin); !status.ok()) return status;
  for (const std::string& directory : DirectoriesOf(bpffs)) {
    if (absl::Status status = MakePrivate(directory); !status.ok()) return status;
  }
  return PinDirectory(PinRoot(bpffs));
}

absl::StatusOr<PinDirectory> PinDirectory::Open(const std::string& bpffs) {
  if (absl::Status status = CheckBpffs(bpffs, BpffsUse::kFind); !status.ok()) return status;
  for (const std::string& directory : DirectoriesOf(bpffs)) {
    absl::Status status = CheckPrivate(directory);
    if (absl::IsNotFound(status)) {
      return absl::NotFoundError(
          absl::StrCat("nothing of Shunt is pinned below ", directory == PinRoot(bpffs) ? bpffs : directory));
    }
    if (!status.ok()) return status;
  }
  return PinDirectory(PinRoot(bpffs));
}

std::string PinDirectory::LinkPath(absl::string_view program) const {
  return absl::StrCat(path_, "/links/", program);
}
std::string PinDirectory::ProgramPath(absl::string_view program) const {
  return absl::StrCat(path_, "/programs/", program);
}
std::vector<std::string> PinDirectory::LinkNames() const {
  return NamesIn(path_ + "/links");
}

absl::StatusOr<std::optional<PlanPins>> PinDirectory::Current() const {
  absl::StatusOr<std::optional<MapDirectory>> plan = Follow(path_, path_ + kCurrent, "plan");
  if (!plan.ok()) return plan.status();
  if (!plan->has_value()) return std::nullopt;
  absl::StatusOr<std::optional<MapDirectory>> memory = Follow(path_, (*plan)->path + kMemory, "memory");
  if (!memory.ok()) return memory.status();
  return PlanPins{.plan = **std::move(plan), .memory = (*std::move(memory)).value_or(MapDirectory{})};
}

absl::StatusOr<PlanPins> PinDirectory::NewPlan(const std::optional<MapDirectory>& memory) const {
  PlanPins pins;
  if (memory.has_value()) {
    pins.memory = *memory;
  } else {
    absl::StatusOr<MapDirectory> fresh = NewDirectory(path_, "memory", SHUNT_MEMORY_VERSION);
    if (!fresh.ok()) return fresh.status();
    pins.memory = *std::move(fresh);
  }
  absl::StatusOr<MapDirectory> plan = NewDirectory(path_, "plan", SHUNT_PLAN_VERSION);
  if (!plan.ok()) return plan.status();
  pins.plan = *std::move(plan);
  absl::Status status = ReplaceSymbolicLink("../" + NameOf(pins.memory.path), pins.plan.path + kMemory);
  if (!status.ok()) return status;
  return pins;
}

absl::Status PinDirectory::PutInForce(const PlanPins& plan) const {
  return ReplaceSymbolicLink(NameOf(plan.plan.path), path_ + kCurrent);
}

bool PinDirectory::Holds(const PlanPins& plan) const {
  return IsDirectory(path_ + "/links") && IsDirectory(path_ + "/programs") && IsDirectory(plan.plan.path) &&
         IsDirectory(plan.memory.path) && Target(path_ + kCurrent) == NameOf(plan.plan.path) &&
         Target(plan.plan.path + kMemory) == NameOf(plan.memory.path);
}

absl::Status PinDirectory::MakeRoot() const {
  return MakePrivate(path_);
}

absl::Status PinDirectory::Restore(const PlanPins& plan) const {
  for (const std::string& path : {path_, path_ + "/links", path_ + "/programs", plan.memory.path, plan.plan.path}) {
    if (absl::Status status = MakePrivate(path); !status.ok()) return status;
  }
  absl::Status status = ReplaceSymbolicLink("../" + NameOf(plan.memory.path), plan.plan.path + kMemory);
  return status.ok() ? PutInForce(plan) : status;
}

absl::Status PinDirectory::RemoveUnreachable(const std::optional<PlanPins>& kept) const {
  absl::StatusOr<std::optional<PlanPins>> current = Current();
  if (!current.ok()) return current.status();
  const auto is_kept = [&](const std::string& path) {
    for (const std::optional<PlanPins>& pins : {*current, kept}) {
      if (pins.has_value() && (path == pins->plan.path || path == pins->memory.path)) return true;
    }
    return false;
  };
  for (const std::string& path : PathsIn(path_)) {
    const std::string name = NameOf(path);
    const bool is_set = VersionIn(name, "plan").has_value() || VersionIn(name, "memory").has_value();
    absl::Status status;
    if (is_set && IsDirectory(path) && !is_kept(path)) status = RemoveAllBelow(path, nullptr);
    if (!is_set && !IsDirectory(path) && absl::EndsWith(name, kNext)) status = RemoveOne(path, nullptr);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::vector<std::string> PinDirectory::EarlierLayouts() const {
  std::vector<std::string> layouts;
  for (std::string& path : PathsIn(path_)) {
    const std::string name = NameOf(path);
    uint32_t version = 0;
    const bool is_one = name.size() > 1 && name[0] == 'v' && absl::SimpleAtoi(name.substr(1), &version);
    if (is_one && IsDirectory(path)) layouts.push_back(std::move(path));
  }
  return layouts;
}

}  // namespace shunt::datapath
