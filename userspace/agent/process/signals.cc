// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/process/signals.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "userspace/agent/process/log.h"
#include "userspace/posix/event_fd.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::agent {

struct EndWatch::State {
  posix::FileDescriptor signals;  // signalfd
  posix::EventFd ended;
  std::mutex mutex;
  absl::Status why ABSL_GUARDED_BY(mutex);
};

absl::StatusOr<EndWatch> EndWatch::Open() {
  sigset_t watched;
  ::sigemptyset(&watched);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&watched, signal);
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &watched, nullptr); error != 0) {
    return absl::ErrnoToStatus(error, "block signals");
  }
  std::signal(SIGPIPE, SIG_IGN);
  auto state = std::make_unique<State>();
  state->signals = posix::FileDescriptor(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!state->signals.ok() || !state->ended.ok()) return absl::ErrnoToStatus(errno, "watch for signals");
  return EndWatch(state.release());
}

EndWatch::EndWatch(EndWatch&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}

EndWatch::~EndWatch() {
  delete state_;
}

void EndWatch::End(const absl::Status& why) const {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->why.ok()) state_->why = why;
  }
  state_->ended.Signal();
}

absl::Status EndWatch::Wait() const {
  while (true) {
    pollfd ready[2] = {{.fd = state_->signals.get(), .events = POLLIN, .revents = 0},
                       {.fd = state_->ended.get(), .events = POLLIN, .revents = 0}};
    if (::poll(ready, 2, -1) < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "wait for signals");
    if (ready[1].revents != 0) {
      const std::lock_guard lock(state_->mutex);
      return state_->why;
    }
    signalfd_siginfo signal = {};
    if (::read(state_->signals.get(), &signal, sizeof(signal)) != sizeof(signal)) continue;
    const char* name = ::strsignal(static_cast<int>(signal.ssi_signo));
    if (signal.ssi_signo == SIGHUP) {
      LogNote(0, "Ignored: manifests are reread when they change, other settings need a restart", {{"signal", name}});
      continue;
    }
    LogNote(0, "Asked to stop", {{"signal", name}, {"sender_pid", signal.ssi_pid}});
    return absl::OkStatus();
  }
}

}  // namespace shunt::agent
