// SPDX-License-Identifier: Apache-2.0
// Waiting for a descriptor in a way that a stop token can end.
#ifndef SHUNT_SOURCES_MANIFEST_STOPPABLE_WAIT_H_
#define SHUNT_SOURCES_MANIFEST_STOPPABLE_WAIT_H_

#include <stop_token>

#include "userspace/posix/file_descriptor.h"

namespace shunt::sources {

class StoppableWait {
 public:
  enum class Woken { kReadable, kTimeout, kStopped };

  explicit StoppableWait(std::stop_token stop);

  // False, with errno set, if there are no descriptors left; For must not be called then.
  bool ok() const { return fd_.ok(); }
  // Until `fd` can be read (-1: nothing can), for at most `timeout_ms`. A request to stop comes first.
  Woken For(int fd, int timeout_ms);

 private:
  struct Wake {
    int fd;
    void operator()() const;
  };

  posix::FileDescriptor fd_;  // an eventfd, readable once a stop was requested
  std::stop_callback<Wake> wake_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_STOPPABLE_WAIT_H_
