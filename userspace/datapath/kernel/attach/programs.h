// SPDX-License-Identifier: Apache-2.0
// The programs at the hooks of a cgroup, held there by pinned links.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_PROGRAMS_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_PROGRAMS_H_

#include <linux/bpf.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/posix/file_descriptor.h"
#include "userspace/report/map_rows.h"

namespace shunt::datapath {

struct Hook {
  const char* program;  // also the name of its pins
  const char* hook;     // as in the object's section names
  bpf_attach_type attach_type;
};

// The hooks that our programs serve, in the order of attaching: programs that undo a translation come before those that
// make one, so that every translated socket can be reversed and released. Detaching takes the opposite order.
inline constexpr std::array<Hook, 9> kHooks = {{
    {"sock_release", "cgroup/sock_release", BPF_CGROUP_INET_SOCK_RELEASE},
    {"sock_getpeername6", "cgroup/getpeername6", BPF_CGROUP_INET6_GETPEERNAME},
    {"sock_getpeername4", "cgroup/getpeername4", BPF_CGROUP_INET4_GETPEERNAME},
    {"sock_recvmsg6", "cgroup/recvmsg6", BPF_CGROUP_UDP6_RECVMSG},
    {"sock_recvmsg4", "cgroup/recvmsg4", BPF_CGROUP_UDP4_RECVMSG},
    {"sock_sendmsg6", "cgroup/sendmsg6", BPF_CGROUP_UDP6_SENDMSG},
    {"sock_sendmsg4", "cgroup/sendmsg4", BPF_CGROUP_UDP4_SENDMSG},
    {"sock_connect6", "cgroup/connect6", BPF_CGROUP_INET6_CONNECT},
    {"sock_connect4", "cgroup/connect4", BPF_CGROUP_INET4_CONNECT},
}};

// How many of them undo a translation: they come first.
inline constexpr size_t kReverseHooks = 5;

class AttachedPrograms {
 public:
  // Puts the loaded `object`'s programs in force on `cgroup`. A hook that has a pinned link there is updated in one
  // step, old program to new; a link on another cgroup is replaced by one on this; what is missing is attached, in the
  // order of kHooks. `between`, if not null, is called when every hook that undoes a translation has its new program
  // and before a hook that had another translating program gets its own. After an error, of the kernel's or of
  // `between`, hooks that had no link before are detached again; updated ones keep the new program, which works beside
  // the old ones because both use the same memory.
  static absl::StatusOr<AttachedPrograms> Attach(const PinDirectory& pins, const BpfObject& object,
                                                 const Cgroup& cgroup,
                                                 const std::function<absl::Status()>& between = nullptr);

  // Returns whether a hook has a pinned link on another cgroup than this one.
  static bool AreElsewhere(const PinDirectory& pins, const Cgroup& cgroup);
  // Returns why the kernel would refuse to attach a program to a hook of `cgroup`, or OK. A hook with a pinned link
  // there is not tried. For an instant each, programs are attached that let every call pass.
  static absl::Status TryAttach(const PinDirectory& pins, const Cgroup& cgroup);
  // Replaces the program of every pinned link, wherever it is attached, and its pin, in the order of kHooks. `between`
  // is as above.
  static absl::Status ReplaceInPlace(const PinDirectory& pins, const BpfObject& object,
                                     const std::function<absl::Status()>& between);

  // Returns what is pinned and in force now. Attach points are looked up at and below `cgroup_root`. Returns kNotFound
  // if a hook has no link or if its cgroup is gone.
  static absl::StatusOr<AttachedPrograms> OpenPinned(const PinDirectory& pins, const std::string& cgroup_root);

  // Returns what exists, for a reader or for Heal. Describe shows a hook without a pin or without an attachment as not
  // attached; if nothing at all is pinned, it shows nothing.
  static AttachedPrograms FindPinned(const PinDirectory& pins, const std::string& cgroup_root);

  bool empty() const { return attached_.empty(); }

  // Puts right what another process has done to the hooks: attaches, updates or pins again, each on the cgroup that it
  // was on; a hook that was found without one belongs where the others are. That cgroup is `cgroup`, or is looked up by
  // its id in the same file system. Appends the programs of the hooks that it has put right to `healed`. If it fails,
  // it has tried all others too, and returns the first error, which names the hook.
  absl::Status Heal(const PinDirectory& pins, const Cgroup& cgroup, std::vector<std::string>* healed);

  // Lets Heal attach to cgroup `to` what is on cgroup `from`, which is gone.
  void Follow(uint64_t from, uint64_t to);

  // The ids of the links, as the kernel lists them.
  std::vector<uint32_t> LinkIds() const;

  // The id of the cgroup from which Attach moved links, or 0 if there was none.
  uint64_t moved_from() const { return moved_from_; }

  // Describes the programs in the order in which a connection meets their hooks: connect first.
  std::vector<report::ProgramStatus> Describe() const;

 private:
  struct Attached {
    Hook hook;
    std::string attach_point;
    uint64_t cgroup_id;  // 0: it was found without one
    posix::FileDescriptor program;
    posix::FileDescriptor link;
  };
  static absl::StatusOr<bool> HealOne(const PinDirectory& pins, const Cgroup& cgroup, Attached& attached);
  static absl::Status AttachAgain(const PinDirectory& pins, const Cgroup& cgroup, Attached& attached);

  std::vector<Attached> attached_;  // in the order of kHooks
  uint64_t moved_from_ = 0;
};

// Loads `object` with `config` through the verifier. REQUIRES: it has been given its maps.
absl::Status LoadPrograms(BpfObject& object, const shunt_config& config);

// Attaches the program to `hook` on `cgroup`. The link lives as long as the returned descriptor, unless it is pinned.
// If another program holds the hook exclusively, the message names it.
absl::StatusOr<posix::FileDescriptor> CreateLink(const Hook& hook, int program_fd, const Cgroup& cgroup);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_PROGRAMS_H_
