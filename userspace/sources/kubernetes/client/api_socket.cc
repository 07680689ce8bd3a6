// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/api_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace shunt::sources::kubernetes {
namespace {

// These options exist on every kernel that we support, so the only possible error is a value out of range.
void Set(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof(value));
}

}  // namespace

int OpenApiSocket(int family, int type, int protocol, const ConnectionTimers& timers) {
  const int fd = socket(family, type | SOCK_CLOEXEC, protocol);
  if (fd < 0 || type != SOCK_STREAM || (family != AF_INET && family != AF_INET6)) return fd;
  Set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  Set(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(timers.keepalive_idle.count()));
  Set(fd, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(timers.keepalive_interval.count()));
  Set(fd, IPPROTO_TCP, TCP_KEEPCNT, timers.keepalive_probes);
  Set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(timers.unacknowledged.count()));
  return fd;
}

}  // namespace shunt::sources::kubernetes
