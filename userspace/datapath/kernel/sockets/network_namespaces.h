// SPDX-License-Identifier: Apache-2.0
// The network namespaces of this machine, as far as they can be told: the kernel has no list of them.
#ifndef SHUNT_DATAPATH_KERNEL_SOCKETS_NETWORK_NAMESPACES_H_
#define SHUNT_DATAPATH_KERNEL_SOCKETS_NETWORK_NAMESPACES_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/posix/unique_fd.h"

namespace shunt::datapath {

// Where namespaces have names.
struct NamespacePlaces {
  // CNI runtimes and `ip netns` mount each one on a file here.
  std::vector<std::string> directories = {"/run/netns"};
  // Processes show theirs, those that this one may look at. Empty: nobody is asked.
  std::string proc = "/proc";
};

using NamespaceId = std::pair<dev_t, ino_t>;

struct NamedNamespace {
  NamespaceId id;
  std::string path;
};

struct NamespaceList {
  std::vector<NamedNamespace> namespaces;  // each once, by the first name that it was found under
  std::vector<std::string> not_mounted;    // files in `directories` on which no namespace is mounted here
};

// Never fails: what cannot be looked at is left out. A namespace that only descriptors hold has no name and is not
// found, so the list proves nothing about one that is not in it.
NamespaceList FindNamespaces(const NamespacePlaces& places);

// The calling thread's.
absl::StatusOr<UniqueFd> OpenOwnNamespace();
// REQUIRES: `fd` is a network namespace's.
NamespaceId IdOf(int fd);
// Moves the calling thread. kPermissionDenied: without CAP_SYS_ADMIN.
absl::Status EnterNamespace(int fd, const std::string& name);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_SOCKETS_NETWORK_NAMESPACES_H_
