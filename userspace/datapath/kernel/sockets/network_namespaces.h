// SPDX-License-Identifier: Apache-2.0
// The network namespaces of this machine, as far as they can be found: the kernel has no list of them.
#ifndef SHUNT_DATAPATH_KERNEL_SOCKETS_NETWORK_NAMESPACES_H_
#define SHUNT_DATAPATH_KERNEL_SOCKETS_NETWORK_NAMESPACES_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

// Where namespaces have names.
struct NamespacePlaces {
  // CNI runtimes and `ip netns` mount each one on a file here.
  std::vector<std::string> directories = {"/run/netns"};
  // Processes show theirs, if this process may look at them. If empty, processes are not asked.
  std::string proc = "/proc";
};

using NamespaceId = std::pair<dev_t, ino_t>;

struct NamedNamespace {
  NamespaceId id;
  std::string path;
};

struct NamespaceList {
  std::vector<NamedNamespace> namespaces;  // each once, by the first name under which it was found
  std::vector<std::string> not_mounted;    // files in `directories` on which no namespace is mounted here
};

// Never fails: names that cannot be examined are left out. A namespace that only descriptors hold has no name and is
// not found, so one that is missing in the list may still exist.
NamespaceList FindNamespaces(const NamespacePlaces& places);

// Opens the network namespace of the calling thread.
absl::StatusOr<posix::FileDescriptor> OpenOwnNamespace();
// REQUIRES: `fd` is a network namespace.
NamespaceId IdOf(int fd);
// Moves the calling thread into the namespace. Returns kPermissionDenied without CAP_SYS_ADMIN.
absl::Status EnterNamespace(int fd, const std::string& name);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_SOCKETS_NETWORK_NAMESPACES_H_
