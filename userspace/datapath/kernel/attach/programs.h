// SPDX-License-Identifier: Apache-2.0
// The programs at the hooks of a cgroup, held there by pinned links.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_PROGRAMS_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_PROGRAMS_H_

#include <linux/bpf.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/posix/unique_fd.h"
#include "userspace/report/map_rows.h"

namespace shunt::datapath {

struct Hook {
  const char* program;  // also the name of its pins
  const char* hook;     // as in the object's section names
  bpf_attach_type attach_type;
};

// In the order of attaching: whoever undoes a translation comes before whoever makes one, so that no socket
// is ever translated that could not be reversed or released. Detaching takes the opposite order.
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

class AttachedPrograms {
 public:
  // Puts the loaded `object`'s programs in force on `cgroup`. A hook that has a pinned link there is updated
  // in one step, old program to new; a link on another cgroup is replaced by one on this; what is missing is
  // attached, in the order of kHooks. After an error, hooks attached anew by this call are detached again
  // and updated ones keep the new program, which works with the old ones: both speak the same ABI.
  static absl::StatusOr<AttachedPrograms> Attach(const PinDirectory& pins, const BpfObject& object,
                                                 const Cgroup& cgroup);

  // What is pinned and in force now. kNotFound: a hook has no link, or its cgroup is gone. `cgroup_root` is
  // where the attach points are looked up.
  static absl::StatusOr<AttachedPrograms> OpenPinned(const PinDirectory& pins, const std::string& cgroup_root);

  // Whatever there is, for a reader: of a hook without a pin or without an attachment Describe says that it is not
  // attached. Nothing at all is pinned: nothing is described.
  static AttachedPrograms FindPinned(const PinDirectory& pins, const std::string& cgroup_root);

  // The id of the cgroup that Attach has taken links away from; 0: of none.
  uint64_t moved_from() const { return moved_from_; }

  // In the order of the hooks that a connection meets: connect first.
  std::vector<report::ProgramStatus> Describe() const;

 private:
  struct Attached {
    Hook hook;
    std::string attach_point;
    UniqueFd program;
    UniqueFd link;
  };

  std::vector<Attached> attached_;  // in the order of kHooks
  uint64_t moved_from_ = 0;
};

// Loads `object` over `maps` already given to it, with `config`, through the verifier.
absl::Status LoadPrograms(BpfObject& object, const shunt_config& config);

// One link of `hook` on `cgroup`, which lives as long as the descriptor.
absl::StatusOr<UniqueFd> CreateLink(const Hook& hook, int program_fd, const Cgroup& cgroup);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_PROGRAMS_H_
