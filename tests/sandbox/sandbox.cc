// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/sandbox.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/sandbox/cgroup.h"
#include "tests/sandbox/netlink.h"

namespace shunt::sandbox {
namespace {

constexpr char kBpffs[] = "/sys/fs/bpf";
constexpr char kCgroupPrefix[] = "shunt-test-";

int sandboxes = 0;  // that this process has, one within another

// An inner sandbox has a number: "shunt-test-PID" and "shunt-test-PID-1".
std::string NameCgroup(int outer) {
  return absl::StrCat(kCgroupPrefix, getpid(), outer == 0 ? "" : absl::StrCat("-", outer));
}

// If a janitor was itself killed, its cgroup is left; the name tells the process that it belonged to.
void SweepDeadCgroups(const std::string& mount) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(mount, ignored)) {
    const std::string name = entry.path().filename().string();
    absl::string_view pid_text = name;
    pid_t pid = 0;
    if (!absl::ConsumePrefix(&pid_text, kCgroupPrefix)) continue;
    if (!absl::SimpleAtoi(pid_text.substr(0, pid_text.find('-')), &pid)) continue;
    if (pid > 1 && kill(pid, 0) != 0 && errno == ESRCH) (void)RemoveCgroup(entry.path().string());
  }
}

absl::Status MountPrivateBpffs() {
  if (unshare(CLONE_NEWNS) != 0) return absl::ErrnoToStatus(errno, "make a mount namespace");
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return absl::ErrnoToStatus(errno, "make the mounts private");
  }
  if (mount("bpf", kBpffs, "bpf", 0, "mode=0700") != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("mount a bpffs at ", kBpffs));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Sandbox>> Sandbox::Create(SandboxOptions options) {
  if (geteuid() != 0) return absl::PermissionDeniedError("a sandbox needs root: namespaces, a cgroup, BPF");
  std::unique_ptr<Sandbox> sandbox(new Sandbox(std::move(options)));
  if (absl::Status ready = sandbox->SetUp(); !ready.ok()) return ready;
  return sandbox;
}

absl::Status Sandbox::SetUp() {
  const int outer = sandboxes++;
  absl::StatusOr<std::string> mount = FindCgroupMount();
  if (!mount.ok()) return mount.status();
  absl::StatusOr<std::string> original = CurrentCgroup(*mount);
  if (!original.ok()) return original.status();
  original_cgroup_ = *original;
  SweepDeadCgroups(*mount);
  cgroup_ = absl::StrCat(*mount, "/", NameCgroup(outer));
  if (absl::Status made = MakeCgroup(cgroup_); !made.ok()) return made;
  absl::StatusOr<std::unique_ptr<Janitor>> janitor = Janitor::Start(cgroup_);
  if (!janitor.ok()) return janitor.status();
  janitor_ = std::move(*janitor);
  if (absl::Status entered = EnterCgroup(cgroup_); !entered.ok()) return entered;
  if (absl::Status mounted = MountPrivateBpffs(); !mounted.ok()) return mounted;
  bpffs_mounted_ = true;

  absl::StatusOr<NetworkNamespace> here = NetworkNamespace::Current();
  if (!here.ok()) return here.status();
  original_ = std::move(*here);
  absl::StatusOr<NetworkNamespace> host = NetworkNamespace::Create();
  if (!host.ok()) return host.status();
  host_ = std::move(*host);
  if (absl::Status entered = host_->Enter(); !entered.ok()) return entered;
  return AddAddresses();
}

Sandbox::~Sandbox() {
  --sandboxes;
  if (original_) (void)original_->Enter();
  if (bpffs_mounted_) umount2(kBpffs, MNT_DETACH);
  if (!original_cgroup_.empty()) (void)EnterCgroup(original_cgroup_);
  janitor_.reset();
}

absl::Status Sandbox::AddAddresses() const {
  for (const std::string& text : options_.addresses) {
    const auto address = model::IpAddress::Parse(text);
    if (!address) return absl::InvalidArgumentError(absl::StrCat("sandbox address ", text, ": not an address"));
    if (absl::Status added = AddLoopbackAddress(*address); !added.ok()) return added;
  }
  for (const std::string& prefix : options_.local_prefixes) {
    if (absl::Status added = AddLocalPrefix(prefix); !added.ok()) return added;
  }
  return absl::OkStatus();
}

absl::StatusOr<NetworkNamespace> Sandbox::NewPod() const {
  absl::StatusOr<NetworkNamespace> pod = NetworkNamespace::Create();
  if (!pod.ok()) return pod;
  InNamespace inside(*pod);
  if (absl::Status added = AddAddresses(); !added.ok()) return added;
  return pod;
}

absl::StatusOr<std::string> Sandbox::NewCgroup() {
  const std::string directory = absl::StrCat(cgroup_, "/", ++cgroups_made_);
  if (absl::Status made = MakeCgroup(directory); !made.ok()) return made;
  return directory;
}

absl::StatusOr<std::string> Sandbox::NewBpffs() {
  const std::string directory = absl::StrCat(kBpffs, "/", ++directories_made_);
  if (mkdir(directory.c_str(), 0700) != 0) return absl::ErrnoToStatus(errno, absl::StrCat("make ", directory));
  return directory;
}

void RemovePins(const std::string& directory) {
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
}

}  // namespace shunt::sandbox
