// SPDX-License-Identifier: Apache-2.0
// The hooks of a cgroup that our programs serve.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_HOOKS_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_HOOKS_H_

#include <linux/bpf.h>

#include <array>

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

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_HOOKS_H_
