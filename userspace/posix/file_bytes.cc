// SPDX-License-Identifier: Apache-2.0
#include "userspace/posix/file_bytes.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace shunt::posix {

std::optional<std::string> ReadUpTo(int fd, size_t most) {
  std::string bytes;
  char buffer[64 * 1024];
  while (bytes.size() < most) {
    const ssize_t got = ::read(fd, buffer, std::min(sizeof(buffer), most - bytes.size()));
    if (got == 0) break;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    bytes.append(buffer, static_cast<size_t>(got));
  }
  return bytes;
}

}  // namespace shunt::posix
