// SPDX-License-Identifier: Apache-2.0
#include "userspace/posix/event_fd.h"

#include <sys/eventfd.h>

namespace shunt::posix {

EventFd::EventFd() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void EventFd::Signal() const {
  // Fails only if the counter is full, and then the descriptor is readable.
  ::eventfd_write(fd_.get(), 1);
}

void EventFd::Clear() const {
  eventfd_t count = 0;
  // Fails only if the counter is 0, and then the descriptor is not readable.
  ::eventfd_read(fd_.get(), &count);
}

}  // namespace shunt::posix
