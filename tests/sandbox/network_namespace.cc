// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/network_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/sandbox/netlink.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

namespace shunt::sandbox {
namespace {

posix::FileDescriptor OpenCurrent() {
  return posix::FileDescriptor(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

void EnterOrAbort(int fd) {
  if (fd >= 0 && setns(fd, CLONE_NEWNET) == 0) return;
  std::perror("sandbox: enter a network namespace");
  std::abort();
}

}  // namespace

absl::StatusOr<NetworkNamespace> NetworkNamespace::Current() {
  posix::FileDescriptor fd = OpenCurrent();
  if (!fd.ok()) return absl::ErrnoToStatus(errno, "open the current network namespace");
  return NetworkNamespace(std::move(fd));
}

absl::StatusOr<NetworkNamespace> NetworkNamespace::Create() {
  absl::StatusOr<NetworkNamespace> previous = Current();
  if (!previous.ok()) return previous.status();
  if (unshare(CLONE_NEWNET) != 0) return absl::ErrnoToStatus(errno, "make a network namespace");
  absl::Status up = SetLoopbackUp();
  absl::StatusOr<NetworkNamespace> created = Current();
  EnterOrAbort(previous->fd());
  if (!up.ok()) return up;
  return created;
}

absl::Status NetworkNamespace::Enter() const {
  if (setns(fd_.get(), CLONE_NEWNET) != 0) return absl::ErrnoToStatus(errno, "enter a network namespace");
  return absl::OkStatus();
}

uint64_t NetworkNamespace::Cookie() const {
  InNamespace inside(*this);
  const posix::FileDescriptor fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (getsockopt(fd.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0) cookie = 0;
  return cookie;
}

InNamespace::InNamespace(const NetworkNamespace& target) : previous_(OpenCurrent()) {
  EnterOrAbort(target.fd());
}

InNamespace::~InNamespace() {
  EnterOrAbort(previous_.get());
}

}  // namespace shunt::sandbox
