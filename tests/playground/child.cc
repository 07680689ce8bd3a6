// SPDX-License-Identifier: Apache-2.0
#include "tests/playground/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace shunt::playground {
namespace {

// Runs between fork and exec, in a process that may have had threads, so it makes only system calls.
[[noreturn]] void BecomeCommand(char* const* arguments, char* const* environment, int output, int kept_fd,
                                pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(125);  // the parent died before prctl
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (output >= 0) {
    ::dup2(output, 1);
    ::dup2(output, 2);
  }
  if (kept_fd >= 0) ::fcntl(kept_fd, F_SETFD, 0);
  ::execve(arguments[0], arguments, environment);
  ::_exit(127);
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

absl::StatusOr<pid_t> Spawn(const ChildOptions& options, int output) {
  // A failed execve can only end the child with a status that commands have too.
  if (::access(options.command[0].c_str(), X_OK) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("run ", options.command[0]));
  }
  std::vector<std::string> command = options.command;
  std::vector<std::string> environment = options.environment;
  for (char** variable = ::environ; *variable != nullptr; ++variable) environment.push_back(*variable);
  std::vector<char*> arguments = Pointers(command);
  std::vector<char*> variables = Pointers(environment);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) BecomeCommand(arguments.data(), variables.data(), output, options.kept_fd, parent);
  if (pid < 0) return absl::ErrnoToStatus(errno, absl::StrCat("start ", options.command[0]));
  return pid;
}

int StatusOf(int waited) {
  return WIFEXITED(waited) ? WEXITSTATUS(waited) : 128 + WTERMSIG(waited);
}

}  // namespace

absl::StatusOr<Child> Child::Start(const ChildOptions& options) {
  int output = -1;
  if (!options.output.empty()) {
    output = ::open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (output < 0) return absl::ErrnoToStatus(errno, absl::StrCat("open ", options.output));
  }
  const absl::StatusOr<pid_t> pid = Spawn(options, output);
  if (output >= 0) ::close(output);
  if (!pid.ok()) return pid.status();
  return Child(*pid);
}

Child::~Child() {
  if (pid_ > 0) Stop(std::chrono::milliseconds(0));
}

std::optional<int> Child::Ended() {
  int waited = 0;
  if (pid_ < 0 || ::waitpid(pid_, &waited, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  return StatusOf(waited);
}

int Child::Stop(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  ::kill(pid_, SIGTERM);
  while (std::chrono::steady_clock::now() < deadline) {
    if (const std::optional<int> status = Ended(); status.has_value()) return *status;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ::kill(pid_, SIGKILL);
  int waited = 0;
  while (::waitpid(pid_, &waited, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  return StatusOf(waited);
}

absl::StatusOr<std::string> OutputOf(const std::vector<std::string>& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "make a pipe");
  const absl::StatusOr<pid_t> pid = Spawn({.command = command}, ends[1]);
  ::close(ends[1]);
  std::string output;
  char text[4096];
  for (ssize_t got = 0; pid.ok() && (got = ::read(ends[0], text, sizeof(text))) > 0;) {
    output.append(text, static_cast<size_t>(got));
  }
  ::close(ends[0]);
  if (!pid.ok()) return pid.status();
  int waited = 0;
  while (::waitpid(*pid, &waited, 0) < 0 && errno == EINTR) continue;
  if (StatusOf(waited) == 0) return output;
  return absl::AbortedError(absl::StrCat(command[0], ": exit status ", StatusOf(waited), "\n", output));
}

}  // namespace shunt::playground
