// SPDX-License-Identifier: Apache-2.0
// Maps, programs and links by descriptor and pinned path. Ids are not used, because they need CAP_SYS_ADMIN.
#ifndef SHUNT_DATAPATH_KERNEL_OBJECT_BPF_FD_H_
#define SHUNT_DATAPATH_KERNEL_OBJECT_BPF_FD_H_

#include <linux/bpf.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

enum class BpfKind { kMap, kProgram, kLink };

// kReadOnly opens maps for reading only; programs and links have no such mode.
enum class PinAccess { kReadWrite, kReadOnly };

// Opens what is pinned at `path`. Returns kNotFound if nothing is, and kFailedPrecondition if it is of another kind:
// the kernel itself notices that only when the descriptor is used.
absl::StatusOr<posix::FileDescriptor> OpenPin(const std::string& path, BpfKind kind,
                                              PinAccess access = PinAccess::kReadWrite);

// Pins `fd` at `path`. What was pinned there is replaced in one step, so the path always leads to something.
absl::Status ReplacePin(int fd, const std::string& path);

// Detaches the link pinned at `path`, if there is one, before it returns. Removing its last pin would detach it too,
// but some time later.
void DetachPinnedLink(const std::string& path);

// Attaches the iterator program `program_fd`, `what` for messages. It ends with the returned descriptor.
absl::StatusOr<posix::FileDescriptor> AttachIterator(int program_fd, const std::string& what);
// Runs the iterator behind `link_fd` once, and returns all that it writes.
absl::StatusOr<std::string> ReadIterator(int link_fd, const std::string& what);

// Return what the kernel tells about the object. `what` begins the message of an error: "map pools".
absl::StatusOr<bpf_map_info> DescribeMap(int fd, const std::string& what);
absl::StatusOr<bpf_prog_info> DescribeProgram(int fd, const std::string& what);
absl::StatusOr<bpf_link_info> DescribeLink(int fd, const std::string& what);

// Returns the kernel memory of the map by its /proc/self/fdinfo, or 0 if that cannot be read.
uint64_t MapMemoryBytes(int fd);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_OBJECT_BPF_FD_H_
