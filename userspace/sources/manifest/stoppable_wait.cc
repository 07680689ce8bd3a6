// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/stoppable_wait.h"

#include <poll.h>

#include <cerrno>
#include <utility>

namespace shunt::sources {

StoppableWait::StoppableWait(std::stop_token stop) : on_stop_(std::move(stop), Signal{&stopped_}) {}

StoppableWait::Woken StoppableWait::For(int fd, int timeout_ms) {
  for (;;) {
    pollfd fds[] = {{stopped_.get(), POLLIN, 0}, {fd, POLLIN, 0}};
    const int ready = poll(fds, 2, timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (fds[0].revents != 0) return Woken::kStopped;
    return ready > 0 ? Woken::kReadable : Woken::kTimeout;
  }
}

}  // namespace shunt::sources
