// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/janitor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "tests/sandbox/cgroup.h"

namespace shunt::sandbox {
namespace {

// Waits for a byte from the parent or for its death. It cannot wait for the pipe's end, because other children of the
// parent hold the pipe open.
[[noreturn]] void Wait(int pipe, int parent, const std::string& cgroup) {
  setsid();  // Ctrl-C ends the test, but not the janitor that cleans up after it
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_IGN);
  // Close the inherited output, so that a reader of that pipe does not wait for the janitor.
  dup2(pipe, 0);
  dup2(parent, 1);
  close_range(2, ~0u, 0);
  pollfd ends[2] = {{.fd = 0, .events = POLLIN, .revents = 0}, {.fd = 1, .events = POLLIN, .revents = 0}};
  while (poll(ends, 2, -1) < 0 && errno == EINTR) {
  }
  _exit(RemoveCgroup(cgroup).ok() ? 0 : 1);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Janitor>> Janitor::Start(const std::string& cgroup) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "make the janitor's pipe");
  const int self = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  if (self < 0) return absl::ErrnoToStatus(errno, "open a pidfd for the janitor");
  const pid_t pid = fork();
  if (pid == 0) Wait(ends[0], self, cgroup);
  close(ends[0]);
  close(self);
  if (pid < 0) {
    close(ends[1]);
    return absl::ErrnoToStatus(errno, "fork the janitor");
  }
  return std::unique_ptr<Janitor>(new Janitor(pid, ends[1]));
}

Janitor::~Janitor() {
  const char now = 1;
  if (write(pipe_, &now, 1) < 0) kill(pid_, SIGKILL);
  close(pipe_);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace shunt::sandbox
