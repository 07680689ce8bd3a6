// SPDX-License-Identifier: Apache-2.0
// Why the kernel refuses to attach a program although this process may attach programs.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_EXCLUSIVE_HOLDER_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_EXCLUSIVE_HOLDER_H_

#include <linux/bpf.h>

#include <string>

#include "absl/strings/string_view.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"

namespace shunt::datapath {

// A program that was attached to a hook without BPF_F_ALLOW_MULTI keeps all others away from that cgroup and, without
// BPF_F_ALLOW_OVERRIDE, from those below it. Returns a sentence that names such programs at `cgroup` or above it and
// says what to do, or an empty string if there are none. `hook` is as in section names: "cgroup/connect4".
std::string DescribeHolder(absl::string_view hook, bpf_attach_type type, const Cgroup& cgroup);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_EXCLUSIVE_HOLDER_H_
