// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/programs.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/attach/exclusive_holder.h"
#include "userspace/datapath/kernel/attach/host_config.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"

namespace shunt::datapath {
namespace {

bool KernelCountsRuns() {
  std::ifstream file("/proc/sys/kernel/bpf_stats_enabled");
  int enabled = 0;
  return file >> enabled && enabled != 0;
}

// Returns a descriptor of the hook's program that may outlive the object, or kFailedPrecondition if it has no such
// program.
absl::StatusOr<posix::FileDescriptor> ProgramOf(const BpfObject& object, const Hook& hook) {
  const int fd = object.ProgramFd(hook.program);
  if (fd < 0) return absl::FailedPreconditionError(absl::StrCat("the BPF object has no program ", hook.program));
  posix::FileDescriptor copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy.ok()) return KernelError(errno, absl::StrCat("program ", hook.program, ": duplicate its descriptor"));
  return copy;
}

// Returns the pinned link if it is on `cgroup`, otherwise an invalid descriptor. A link whose cgroup was removed has
// the cgroup id 0.
absl::StatusOr<posix::FileDescriptor> LinkOn(const PinDirectory& pins, const Hook& hook, const Cgroup& cgroup) {
  absl::StatusOr<posix::FileDescriptor> link = OpenPin(pins.LinkPath(hook.program), BpfKind::kLink);
  if (absl::IsNotFound(link.status())) return posix::FileDescriptor();
  if (!link.ok()) return link;
  absl::StatusOr<bpf_link_info> facts = DescribeLink(link->get(), absl::StrCat("link ", hook.program));
  if (!facts.ok()) return facts.status();
  if (facts->type != BPF_LINK_TYPE_CGROUP || facts->cgroup.attach_type != static_cast<__u32>(hook.attach_type)) {
    return absl::FailedPreconditionError(absl::StrCat("pin ", pins.LinkPath(hook.program), " is not a link of ",
                                                      hook.hook, "; `shuntd cleanup` removes it"));
  }
  if (facts->cgroup.cgroup_id != cgroup.id) return posix::FileDescriptor();
  return link;
}

// Names cgroups for people. All links are normally on one cgroup, which is looked up once.
class AttachPoints {
 public:
  explicit AttachPoints(const std::string& cgroup_root) : cgroup_root_(cgroup_root) {}

  const std::string& Of(uint64_t cgroup_id) {
    if (cgroup_id == looked_up_) return path_;
    looked_up_ = cgroup_id;
    path_ = FindCgroupById(cgroup_root_, cgroup_id);
    if (path_.empty()) path_ = absl::StrCat("cgroup ", cgroup_id);
    return path_;
  }

 private:
  const std::string& cgroup_root_;
  uint64_t looked_up_ = 0;
  std::string path_;
};

// Loads a program for the hook that lets every call pass.
absl::StatusOr<posix::FileDescriptor> LoadPassing(const Hook& hook) {
  const bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 1},
                           {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = hook.attach_type);
  const bpf_prog_type type =
      hook.attach_type == BPF_CGROUP_INET_SOCK_RELEASE ? BPF_PROG_TYPE_CGROUP_SOCK : BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
  posix::FileDescriptor program(bpf_prog_load(type, "shunt_trial", "GPL", code, std::size(code), &options));
  if (!program.ok()) return KernelError(program.get(), absl::StrCat("load a program to try ", hook.hook));
  return program;
}

std::string HexTag(const bpf_prog_info& program) {
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(program.tag), sizeof(program.tag)));
}

}  // namespace

absl::Status LoadPrograms(BpfObject& object, const shunt_config& config) {
  if (absl::Status status = object.SetConfig(config); !status.ok()) return status;
  return object.Load();
}

absl::StatusOr<posix::FileDescriptor> CreateLink(const Hook& hook, int program_fd, const Cgroup& cgroup) {
  posix::FileDescriptor link(bpf_link_create(program_fd, cgroup.fd.get(), hook.attach_type, nullptr));
  if (link.ok()) return link;
  const int error = link.get();
  const absl::Status status = KernelError(error, absl::StrCat("attach ", hook.program, " to ", cgroup.path));
  if (error != -EPERM || !HasCapability(CAP_NET_ADMIN)) return status;
  const std::string holder = DescribeHolder(hook.hook, hook.attach_type, cgroup);
  return absl::Status(status.code(), absl::StrCat(status.message(), holder.empty() ? "" : ": ", holder));
}

absl::StatusOr<AttachedPrograms> AttachedPrograms::Attach(const PinDirectory& pins, const BpfObject& object,
                                                          const Cgroup& cgroup,
                                                          const std::function<absl::Status()>& between) {
  // Everything that the kernel may refuse comes first. A new link ends with its descriptor until it is pinned.
  AttachedPrograms programs;
  std::vector<bool> is_new;
  for (const Hook& hook : kHooks) {
    absl::StatusOr<posix::FileDescriptor> program = ProgramOf(object, hook);
    if (!program.ok()) return program.status();
    absl::StatusOr<posix::FileDescriptor> link = LinkOn(pins, hook, cgroup);
    is_new.push_back(link.ok() && !link->ok());
    if (is_new.back()) link = CreateLink(hook, program->get(), cgroup);
    if (!link.ok()) return link.status();
    programs.attached_.push_back(Attached{hook, cgroup.path, cgroup.id, *std::move(program), *std::move(link)});
  }
  std::vector<std::string> fresh;  // pins of links where there was none before this call
  auto undo = [&fresh](const absl::Status& status) {
    for (auto pin = fresh.rbegin(); pin != fresh.rend(); ++pin) {
      DetachPinnedLink(*pin);
      unlink(pin->c_str());
    }
    return status;
  };
  for (size_t i = 0; i < programs.attached_.size(); ++i) {
    const Attached& attached = programs.attached_[i];
    if (i == kReverseHooks && between != nullptr) {
      if (absl::Status status = between(); !status.ok()) return undo(status);
    }
    const std::string pin = pins.LinkPath(attached.hook.program);
    absl::StatusOr<posix::FileDescriptor> elsewhere =
        is_new[i] ? OpenPin(pin, BpfKind::kLink) : absl::NotFoundError("");
    if (is_new[i]) {
      if (absl::Status status = ReplacePin(attached.link.get(), pin); !status.ok()) return undo(status);
      if (!elsewhere.ok()) fresh.push_back(pin);
    } else if (int error = bpf_link_update(attached.link.get(), attached.program.get(), nullptr); error < 0) {
      return undo(KernelError(error, absl::StrCat("update link ", attached.hook.program, " on ", cgroup.path)));
    }
    absl::Status status = ReplacePin(attached.program.get(), pins.ProgramPath(attached.hook.program));
    if (!status.ok()) return undo(status);
    // A link on another cgroup is detached after the new one is in force.
    if (!elsewhere.ok()) continue;
    absl::StatusOr<bpf_link_info> old = DescribeLink(elsewhere->get(), absl::StrCat("link ", attached.hook.program));
    if (old.ok()) programs.moved_from_ = old->cgroup.cgroup_id;
    (void)bpf_link_detach(elsewhere->get());
  }
  return programs;
}

bool AttachedPrograms::AreElsewhere(const PinDirectory& pins, const Cgroup& cgroup) {
  return std::any_of(kHooks.begin(), kHooks.end(), [&](const Hook& hook) {
    const absl::StatusOr<posix::FileDescriptor> link = OpenPin(pins.LinkPath(hook.program), BpfKind::kLink);
    if (!link.ok()) return false;
    const absl::StatusOr<bpf_link_info> facts = DescribeLink(link->get(), hook.program);
    return facts.ok() && facts->type == BPF_LINK_TYPE_CGROUP && facts->cgroup.cgroup_id != 0 &&
           facts->cgroup.cgroup_id != cgroup.id;
  });
}

absl::Status AttachedPrograms::TryAttach(const PinDirectory& pins, const Cgroup& cgroup) {
  for (const Hook& hook : kHooks) {
    const absl::StatusOr<posix::FileDescriptor> linked = LinkOn(pins, hook, cgroup);
    if (!linked.ok()) return linked.status();
    if (linked->ok()) continue;
    const absl::StatusOr<posix::FileDescriptor> program = LoadPassing(hook);
    if (!program.ok()) return program.status();
    const absl::StatusOr<posix::FileDescriptor> link = CreateLink(hook, program->get(), cgroup);
    if (!link.ok()) return link.status();
    (void)bpf_link_detach(link->get());
  }
  return absl::OkStatus();
}

absl::Status AttachedPrograms::ReplaceInPlace(const PinDirectory& pins, const BpfObject& object,
                                              const std::function<absl::Status()>& between) {
  for (size_t i = 0; i < kHooks.size(); ++i) {
    const Hook& hook = kHooks[i];
    if (i == kReverseHooks) {
      if (absl::Status status = between(); !status.ok()) return status;
    }
    const absl::StatusOr<posix::FileDescriptor> link = OpenPin(pins.LinkPath(hook.program), BpfKind::kLink);
    if (!link.ok()) continue;
    // A link without its cgroup has no program to replace.
    const int program = object.ProgramFd(hook.program);
    const int error = bpf_link_update(link->get(), program, nullptr);
    if (error == -ENOLINK) continue;
    if (error < 0) return KernelError(error, absl::StrCat("update link ", hook.program));
    if (absl::Status status = ReplacePin(program, pins.ProgramPath(hook.program)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<AttachedPrograms> AttachedPrograms::OpenPinned(const PinDirectory& pins,
                                                              const std::string& cgroup_root) {
  AttachedPrograms programs;
  AttachPoints attach_points(cgroup_root);
  for (const Hook& hook : kHooks) {
    absl::StatusOr<posix::FileDescriptor> link = OpenPin(pins.LinkPath(hook.program), BpfKind::kLink);
    if (!link.ok()) return link.status();
    absl::StatusOr<bpf_link_info> facts = DescribeLink(link->get(), absl::StrCat("link ", hook.program));
    if (!facts.ok()) return facts.status();
    if (facts->cgroup.cgroup_id == 0) {
      return absl::NotFoundError(absl::StrCat("link ", hook.program, ": the cgroup that it was attached to is gone"));
    }
    absl::StatusOr<posix::FileDescriptor> program = OpenPin(pins.ProgramPath(hook.program), BpfKind::kProgram);
    if (!program.ok()) return program.status();
    const uint64_t cgroup_id = facts->cgroup.cgroup_id;
    programs.attached_.push_back(
        Attached{hook, attach_points.Of(cgroup_id), cgroup_id, *std::move(program), *std::move(link)});
  }
  return programs;
}

AttachedPrograms AttachedPrograms::FindPinned(const PinDirectory& pins, const std::string& cgroup_root) {
  AttachedPrograms programs;
  AttachPoints attach_points(cgroup_root);
  for (const Hook& hook : kHooks) {
    Attached found{hook, "", 0, posix::FileDescriptor(), posix::FileDescriptor()};
    if (absl::StatusOr<posix::FileDescriptor> link = OpenPin(pins.LinkPath(hook.program), BpfKind::kLink); link.ok()) {
      const absl::StatusOr<bpf_link_info> facts = DescribeLink(link->get(), absl::StrCat("link ", hook.program));
      if (facts.ok()) found.cgroup_id = facts->cgroup.cgroup_id;
      if (found.cgroup_id != 0) found.attach_point = attach_points.Of(found.cgroup_id);
      found.link = *std::move(link);
    }
    absl::StatusOr<posix::FileDescriptor> program = OpenPin(pins.ProgramPath(hook.program), BpfKind::kProgram);
    if (program.ok()) found.program = *std::move(program);
    programs.attached_.push_back(std::move(found));
  }
  const bool any = std::any_of(programs.attached_.begin(), programs.attached_.end(),
                               [](const Attached& found) { return found.link.ok() || found.program.ok(); });
  if (!any) programs.attached_.clear();
  return programs;
}

// Attaches the program to its hook by a new link.
absl::Status AttachedPrograms::AttachAgain(const PinDirectory& pins, const Cgroup& cgroup, Attached& attached) {
  const std::string what = absl::StrCat("attach ", attached.hook.program, " again");
  if (attached.cgroup_id == 0) return absl::NotFoundError(what + ": no hook tells on which cgroup it was");
  absl::StatusOr<Cgroup> other;
  if (attached.cgroup_id != cgroup.id) {
    const std::string path = FindCgroupById(TopmostCgroup(cgroup.path), attached.cgroup_id);
    if (path.empty()) return absl::NotFoundError(absl::StrCat(what, ": its cgroup ", attached.cgroup_id, " is gone"));
    other = OpenCgroup(path);
    if (!other.ok()) return other.status();
  }
  const Cgroup& where = attached.cgroup_id == cgroup.id ? cgroup : *other;
  absl::StatusOr<posix::FileDescriptor> link = CreateLink(attached.hook, attached.program.get(), where);
  if (!link.ok()) return link.status();
  if (absl::Status status = ReplacePin(link->get(), pins.LinkPath(attached.hook.program)); !status.ok()) return status;
  attached.link = *std::move(link);
  attached.attach_point = where.path;
  return absl::OkStatus();
}

// Attaches, updates or pins what is not as Attach left it. Returns whether there was anything to do.
absl::StatusOr<bool> AttachedPrograms::HealOne(const PinDirectory& pins, const Cgroup& cgroup, Attached& attached) {
  const std::string what = absl::StrCat("link ", attached.hook.program);
  const std::string link_pin = pins.LinkPath(attached.hook.program);
  const std::string program_pin = pins.ProgramPath(attached.hook.program);
  if (!attached.program.ok()) {
    return absl::NotFoundError(absl::StrCat(
        attached.hook.hook, " has no program that the agent could attach again: ", "none is pinned at ", program_pin));
  }
  absl::StatusOr<bpf_prog_info> program = DescribeProgram(attached.program.get(), attached.hook.program);
  if (!program.ok()) return program.status();
  bpf_link_info link{};  // as of a link that is detached
  if (attached.link.ok()) {
    absl::StatusOr<bpf_link_info> facts = DescribeLink(attached.link.get(), what);
    if (!facts.ok()) return facts.status();
    link = *facts;
  }
  bool healed = false;
  if (attached.cgroup_id == 0 || link.cgroup.cgroup_id != attached.cgroup_id) {
    if (absl::Status status = AttachAgain(pins, cgroup, attached); !status.ok()) return status;
    healed = true;
  } else if (link.prog_id != program->id) {
    if (int error = bpf_link_update(attached.link.get(), attached.program.get(), nullptr); error < 0) {
      return KernelError(error, absl::StrCat("update ", what, " on ", attached.attach_point));
    }
    healed = true;
  }
  for (const auto& [path, fd] :
       {std::pair(link_pin, attached.link.get()), std::pair(program_pin, attached.program.get())}) {
    if (access(path.c_str(), F_OK) == 0) continue;
    if (absl::Status status = ReplacePin(fd, path); !status.ok()) return status;
    healed = true;
  }
  return healed;
}

absl::Status AttachedPrograms::Heal(const PinDirectory& pins, const Cgroup& cgroup, std::vector<std::string>* healed) {
  const auto known =
      std::find_if(attached_.begin(), attached_.end(), [](const Attached& a) { return a.cgroup_id != 0; });
  absl::Status failure;
  for (Attached& attached : attached_) {
    if (attached.cgroup_id == 0 && known != attached_.end()) attached.cgroup_id = known->cgroup_id;
    const absl::StatusOr<bool> one = HealOne(pins, cgroup, attached);
    if (!one.ok()) {
      failure.Update(one.status());
    } else if (*one) {
      healed->push_back(attached.hook.program);
    }
  }
  return failure;
}

void AttachedPrograms::Follow(uint64_t from, uint64_t to) {
  for (Attached& attached : attached_) {
    if (attached.cgroup_id == from) attached.cgroup_id = to;
  }
}

std::vector<uint32_t> AttachedPrograms::LinkIds() const {
  std::vector<uint32_t> ids;
  for (const Attached& attached : attached_) {
    const absl::StatusOr<bpf_link_info> link = DescribeLink(attached.link.get(), attached.hook.program);
    if (link.ok()) ids.push_back(link->id);
  }
  return ids;
}

std::vector<report::ProgramStatus> AttachedPrograms::Describe() const {
  const bool runs_counted = KernelCountsRuns();
  std::vector<report::ProgramStatus> described;
  std::transform(attached_.rbegin(), attached_.rend(), std::back_inserter(described), [&](const Attached& attached) {
    report::ProgramStatus program;
    program.runs_counted = runs_counted;
    program.name = attached.hook.program;
    program.hook = attached.hook.hook;
    program.attach_point = attached.attach_point;
    absl::StatusOr<bpf_prog_info> facts = DescribeProgram(attached.program.get(), attached.hook.program);
    if (!facts.ok()) return program;
    program.tag = HexTag(*facts);
    program.runs = facts->run_cnt;
    program.run_time_ns = facts->run_time_ns;
    program.jited_bytes = facts->jited_prog_len;
    absl::StatusOr<bpf_link_info> link = DescribeLink(attached.link.get(), attached.hook.program);
    program.attached = link.ok() && link->prog_id == facts->id && link->cgroup.cgroup_id != 0;
    return program;
  });
  return described;
}

}  // namespace shunt::datapath
