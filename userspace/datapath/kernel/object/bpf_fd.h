// SPDX-License-Identifier: Apache-2.0
// Maps, programs and links by held descriptor and pinned path, never by id: ids need CAP_SYS_ADMIN.
#ifndef SHUNT_DATAPATH_KERNEL_OBJECT_BPF_FD_H_
#define SHUNT_DATAPATH_KERNEL_OBJECT_BPF_FD_H_

#include <linux/bpf.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/posix/unique_fd.h"

namespace shunt::datapath {

enum class BpfKind { kMap, kProgram, kLink };

// kReadOnly opens maps for reading alone; programs and links have no such mode.
enum class PinAccess { kReadWrite, kReadOnly };

// Opens what is pinned at `path`. kNotFound: nothing is. kFailedPrecondition: it is not of this kind, which
// the kernel itself does not tell before a wrong descriptor is used.
absl::StatusOr<UniqueFd> OpenPin(const std::string& path, BpfKind kind, PinAccess access = PinAccess::kReadWrite);

// Pins `fd` at `path`, replacing in one step whatever was pinned there: at no instant is the path empty.
absl::Status ReplacePin(int fd, const std::string& path);

// Detaches the link pinned at `path`, if one is, before it returns. Removing its last pin would do the same
// but some time later, when the kernel comes to it.
void DetachPinnedLink(const std::string& path);

// `what` begins the error's message: "map pools".
absl::StatusOr<bpf_map_info> DescribeMap(int fd, const std::string& what);
absl::StatusOr<bpf_prog_info> DescribeProgram(int fd, const std::string& what);
absl::StatusOr<bpf_link_info> DescribeLink(int fd, const std::string& what);

// Kernel memory of the map, as its /proc/self/fdinfo says; 0 if that cannot be read.
uint64_t MapMemoryBytes(int fd);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_OBJECT_BPF_FD_H_
