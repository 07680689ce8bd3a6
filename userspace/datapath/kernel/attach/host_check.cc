// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/host_check.h"

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "userspace/datapath/kernel/attach/agent_lock.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/attach/host_config.h"
#include "userspace/datapath/kernel/attach/leftovers.h"
#include "userspace/datapath/kernel/attach/pin_search.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/kernel_grace.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/kernel/object/pins.h"

namespace shunt::datapath {
namespace {

constexpr int kMinimumMajor = 6;
constexpr int kMinimumMinor = 1;

Finding Ok(std::string what, std::string detail) {
  return {std::move(what), Verdict::kOk, std::move(detail), ""};
}

Finding Judge(std::string what, const absl::Status& status, std::string good, Verdict bad, std::string what_to_do) {
  if (status.ok()) return Ok(std::move(what), std::move(good));
  return {std::move(what), bad, std::string(status.message()), std::move(what_to_do)};
}

std::string FirstLine(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

Finding CheckKernel() {
  utsname kernel{};
  uname(&kernel);
  if (IsSupportedKernel(kernel.release)) return Ok("kernel", kernel.release);
  return {"kernel", Verdict::kMissing, kernel.release,
          absl::StrCat("run Linux ", kMinimumMajor, ".", kMinimumMinor, " or newer")};
}

Finding CheckJit() {
  const std::string enabled = FirstLine("/proc/sys/net/core/bpf_jit_enable");
  if (!enabled.empty() && enabled != "0") return Ok("BPF JIT", "on");
  if (enabled.empty()) {
    return {"BPF JIT", Verdict::kWarning, "net.core.bpf_jit_enable cannot be read",
            "it is only in the host's network namespace: check there"};
  }
  return {"BPF JIT", Verdict::kWarning, "off",
          "sysctl -w net.core.bpf_jit_enable=1: interpreted programs cost each connect several times more"};
}

Finding CheckBtf() {
  if (access("/sys/kernel/btf/vmlinux", R_OK) == 0) return Ok("kernel BTF", "/sys/kernel/btf/vmlinux");
  return {"kernel BTF", Verdict::kWarning, "/sys/kernel/btf/vmlinux cannot be read",
          "use a kernel with CONFIG_DEBUG_INFO_BTF=y; whether the programs load without it is shown below"};
}

Finding CheckCapabilities() {
  const std::string missing = MissingCapabilities();
  if (missing.empty()) {
    return Ok("capabilities", HasCapability(CAP_SYS_ADMIN) ? "CAP_SYS_ADMIN, which includes the others"
                                                           : "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON");
  }
  return {"capabilities", Verdict::kMissing, absl::StrCat("missing: ", missing), "run as root or grant them"};
}

Finding CheckMptcp() {
  if (!KernelHasMptcp()) return Ok("MPTCP", "not in this kernel");
  if (CanFindMptcpConnections()) return Ok("MPTCP", "getpeername() of its sockets returns what they dialled");
  return {"MPTCP", Verdict::kWarning, "CAP_PERFMON is missing: getpeername() of an MPTCP socket names the pod",
          "grant CAP_PERFMON; without it each connect of an MPTCP socket also leaves a row of socket_state taken"};
}

Finding CheckUnprivilegedBpf() {
  constexpr char kName[] = "unprivileged BPF";
  const std::string disabled = FirstLine("/proc/sys/kernel/unprivileged_bpf_disabled");
  if (!disabled.empty() && disabled != "0") return Ok(kName, absl::StrCat("disabled (", disabled, ")"));
  return {kName, Verdict::kWarning, disabled.empty() ? "kernel.unprivileged_bpf_disabled cannot be read" : "allowed",
          "sysctl -w kernel.unprivileged_bpf_disabled=2: Shunt does not need it and others can misuse it"};
}

Finding CheckGrace() {
  constexpr char kName[] = "grace period";
  absl::StatusOr<MapOfMapsGrace> grace = MapOfMapsGrace::Create();
  absl::Status by_map = grace.ok() ? grace->Wait() : grace.status();
  if (by_map.ok()) return Ok(kName, "by an update of a map of maps");
  if (MembarrierGrace().ok()) return Ok(kName, "by membarrier");
  return {kName, Verdict::kWarning, std::string(by_map.message()),
          "without one, rows of removed Services are reused only after a restart of the agent"};
}

// Loads the programs over maps of a few rows, pinned nowhere. They vanish with the object.
absl::StatusOr<BpfObject> LoadForTrial() {
  Limits tiny{.frontends = 8,
              .service_ports = 8,
              .pools = 8,
              .slots = 8,
              .backends = 8,
              .sockets = 64,
              .socket_peers = 8,
              .affinities = 8};
  absl::StatusOr<MapSet> maps = MapSet::CreateUnpinned(tiny);
  if (!maps.ok()) return maps.status();
  absl::StatusOr<BpfObject> object = BpfObject::OpenBuiltIn();
  if (!object.ok()) return object;
  shunt_config config{};
  if (absl::Status status = maps->GiveTo(*object, &config); !status.ok()) return status;
  if (absl::Status status = ConfigureForHost(&config); !status.ok()) return status;
  if (absl::Status status = LoadPrograms(*object, config); !status.ok()) return status;
  return object;
}

absl::Status AttachTo(const std::string& path, const BpfObject& object) {
  absl::StatusOr<Cgroup> cgroup = OpenCgroup(path);
  if (!cgroup.ok()) return cgroup.status();
  for (const Hook& hook : kHooks) {
    absl::StatusOr<posix::FileDescriptor> link = CreateLink(hook, object.ProgramFd(hook.program), *cgroup);
    if (!link.ok()) return link.status();
  }
  return absl::OkStatus();
}

Finding CheckAttach(const std::string& parent, const BpfObject& object) {
  const std::string trial = absl::StrCat(parent, "/shunt-check-", getpid());
  if (mkdir(trial.c_str(), 0700) != 0) {
    return {"attaching", Verdict::kWarning,
            std::string(KernelError(errno, absl::StrCat("not tried: make ", trial)).message()),
            "let this process make a cgroup there, or see whether the agent starts"};
  }
  absl::Status status = AttachTo(trial, object);
  rmdir(trial.c_str());
  return Judge("attaching", status, absl::StrCat(kHooks.size(), " hooks of a trial cgroup below ", parent),
               Verdict::kMissing, "CAP_NET_ADMIN and a kernel with CONFIG_CGROUP_BPF=y are needed");
}

// Looks for programs that no agent with these pins answers for. The pins of an agent that serves the cgroup may be
// elsewhere, and then nothing tells its programs from others.
Finding CheckLeftovers(const std::string& bpffs, const Cgroup& cgroup) {
  constexpr char kName[] = "other programs";
  const PinDirectory pins = PinDirectory::Unchecked(bpffs);
  if (PinnedLinks(pins).empty() && IsServed(cgroup.path)) {
    return Ok(kName, absl::StrCat("an agent with other pins serves ", cgroup.path, ": `shuntctl check` asks it"));
  }
  const Leftovers::Found found = Leftovers().Look(pins, cgroup, {}, Leftovers::Then::kTell);
  if (!found.notes.empty()) {
    return {kName, Verdict::kWarning, found.notes.front(), absl::StrCat("bpftool cgroup show ", cgroup.path)};
  }
  const std::string problem = found.Problem();
  if (problem.empty()) return Ok(kName, "no agent that is gone has left any where these would run");
  return {kName, Verdict::kWarning, problem, "detach them: connects go by the first of two programs at a hook"};
}

}  // namespace

bool IsSupportedKernel(absl::string_view release) {
  std::vector<absl::string_view> parts = absl::StrSplit(release, absl::ByAnyChar(".-+"));
  int major = 0, minor = 0;
  if (parts.size() < 2 || !absl::SimpleAtoi(parts[0], &major) || !absl::SimpleAtoi(parts[1], &minor)) return false;
  return major > kMinimumMajor || (major == kMinimumMajor && minor >= kMinimumMinor);
}

std::vector<Finding> CheckHost(const HostCheckOptions& options) {
  std::vector<Finding> findings = {CheckKernel(), CheckCapabilities(), CheckJit(),
                                   CheckBtf(),    CheckMptcp(),        CheckUnprivilegedBpf()};
  const bool exists = access(options.bpffs.c_str(), F_OK) == 0;
  findings.push_back(Judge("BPF file system", CheckBpffs(options.bpffs, BpffsUse::kPin), options.bpffs,
                           Verdict::kMissing,
                           absl::StrCat(exists ? "" : absl::StrCat("mkdir -p ", options.bpffs, " && "),
                                        "mount -t bpf -o mode=700 bpf ", options.bpffs)));

  absl::StatusOr<std::string> root = FindCgroup(options.cgroup);
  absl::Status usable = root.ok() ? OpenCgroup(*root).status() : root.status();
  const bool advised = absl::StrContains(usable.message(), "--cgroup");
  findings.push_back(Judge("cgroup", usable, root.ok() ? *root : "", Verdict::kMissing,
                           advised ? "" : "mount a cgroup2 file system, or name a directory of one with --cgroup"));

  findings.push_back(CheckGrace());
  absl::StatusOr<BpfObject> object = LoadForTrial();
  findings.push_back(Judge("programs", object.status(), "all pass this kernel's verifier", Verdict::kMissing,
                           MissingCapabilities().empty() ? "if the kernel is supported, please report this"
                                                         : "grant the capabilities that are missing"));
  if (object.ok() && usable.ok()) {
    findings.push_back(CheckAttach(*root, *object));
    if (absl::StatusOr<Cgroup> cgroup = OpenCgroup(*root); cgroup.ok()) {
      findings.push_back(CheckLeftovers(options.bpffs, *cgroup));
    }
  }
  return findings;
}

}  // namespace shunt::datapath
