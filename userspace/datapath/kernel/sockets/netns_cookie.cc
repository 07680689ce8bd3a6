// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/sockets/netns_cookie.h"

#include <sys/socket.h>

#include <cerrno>

#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/posix/unique_fd.h"

namespace shunt::datapath {

absl::StatusOr<uint64_t> NetnsCookie() {
  UniqueFd socket_fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket_fd.valid()) return KernelError(errno, "network namespace cookie: make a socket");
  uint64_t cookie = 0;
  socklen_t length = sizeof(cookie);
  if (getsockopt(socket_fd.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) != 0) {
    return KernelError(errno, "network namespace cookie: SO_NETNS_COOKIE");
  }
  return cookie;
}

}  // namespace shunt::datapath
