// SPDX-License-Identifier: Apache-2.0
// A descriptor by which one thread wakes another that waits in poll(2) or epoll_wait(2).
#ifndef SHUNT_POSIX_EVENT_FD_H_
#define SHUNT_POSIX_EVENT_FD_H_

#include "userspace/posix/file_descriptor.h"

namespace shunt::posix {

// Every thread may call its const methods at any time. A signal lasts: a thread that looks later finds the descriptor
// readable still.
class EventFd {
 public:
  // Opens an eventfd(2) that is not readable, non-blocking and closed by execve(2). If there are no descriptors left,
  // ok() is false and errno says why.
  EventFd();

  bool ok() const { return fd_.ok(); }
  int get() const { return fd_.get(); }

  // Makes the descriptor readable, if it is not yet. REQUIRES: ok().
  void Signal() const;
  // Makes the descriptor unreadable until the next Signal(). REQUIRES: ok().
  void Clear() const;

 private:
  FileDescriptor fd_;
};

}  // namespace shunt::posix

#endif  // SHUNT_POSIX_EVENT_FD_H_
