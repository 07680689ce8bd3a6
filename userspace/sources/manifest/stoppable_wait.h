// SPDX-License-Identifier: Apache-2.0
// Waiting for a descriptor, until a stop token ends the wait.
#ifndef SHUNT_SOURCES_MANIFEST_STOPPABLE_WAIT_H_
#define SHUNT_SOURCES_MANIFEST_STOPPABLE_WAIT_H_

#include <stop_token>

#include "userspace/posix/event_fd.h"

namespace shunt::sources {

class StoppableWait {
 public:
  enum class Woken { kReadable, kTimeout, kStopped };

  explicit StoppableWait(std::stop_token stop);

  // Returns false, with errno set, if there are no descriptors left; For must not be called then.
  bool ok() const { return stopped_.ok(); }
  // Waits until `fd` is readable, but at most `timeout_ms`; with -1 for `fd` it waits for the stop token alone. Returns
  // kStopped if a stop was requested, whatever else has happened.
  Woken For(int fd, int timeout_ms);

 private:
  struct Signal {
    const posix::EventFd* event;
    void operator()() const { event->Signal(); }
  };

  const posix::EventFd stopped_;
  std::stop_callback<Signal> on_stop_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_STOPPABLE_WAIT_H_
