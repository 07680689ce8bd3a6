// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/process/service_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace shunt::agent {

absl::Status NotifySupervisor(const std::string& socket, absl::string_view state) {
  if (socket.empty()) return absl::OkStatus();
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if ((socket[0] != '/' && socket[0] != '@') || socket.size() >= sizeof(address.sun_path)) {
    return absl::InvalidArgumentError(absl::StrCat("notify the service manager: NOTIFY_SOCKET=", socket,
                                                   " is not an absolute path or @NAME of at most ",
                                                   sizeof(address.sun_path) - 1, " bytes"));
  }
  std::memcpy(address.sun_path, socket.data(), socket.size());
  if (socket[0] == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  const ssize_t sent = fd < 0 ? -1
                              : ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                                         reinterpret_cast<const sockaddr*>(&address), size);
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (sent >= 0) return absl::OkStatus();
  return absl::ErrnoToStatus(error, absl::StrCat("notify the service manager at ", socket));
}

}  // namespace shunt::agent
