// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/stoppable_wait.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <utility>

namespace shunt::sources {

void StoppableWait::Wake::operator()() const {
  eventfd_write(fd, 1);
}

StoppableWait::StoppableWait(std::stop_token stop)
    : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)), wake_(std::move(stop), Wake{fd_.get()}) {}

StoppableWait::Woken StoppableWait::For(int fd, int timeout_ms) {
  for (;;) {
    pollfd fds[] = {{fd_.get(), POLLIN, 0}, {fd, POLLIN, 0}};
    const int ready = poll(fds, 2, timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (fds[0].revents != 0) return Woken::kStopped;
    return ready > 0 ? Woken::kReadable : Woken::kTimeout;
  }
}

}  // namespace shunt::sources
