// SPDX-License-Identifier: Apache-2.0
// A process that does not outlive this one.
#ifndef SHUNT_PLAYGROUND_CHILD_H_
#define SHUNT_PLAYGROUND_CHILD_H_

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace shunt::playground {

struct ChildOptions {
  std::vector<std::string> command;      // [0]: path of the program
  std::vector<std::string> environment;  // NAME=value, besides this process's own
  std::string output;                    // file for its output, appended; empty: this process's own
  int kept_fd = -1;                      // stays open in the child, under the same number
};

// Killed when its object goes, and by the kernel when the thread that started it ends however. In a process group of
// its own, so that Ctrl-C reaches this process alone.
class Child {
 public:
  static absl::StatusOr<Child> Start(const ChildOptions& options);
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  ~Child();

  pid_t pid() const { return pid_; }
  // The exit status once it has ended; 128 + signal if one killed it. nullopt: it runs.
  std::optional<int> Ended();
  // SIGTERM, then waits; kills it when `patience` is over. Returns as Ended().
  int Stop(std::chrono::milliseconds patience);

 private:
  explicit Child(pid_t pid) : pid_(pid) {}

  pid_t pid_;  // -1: waited for
};

// Runs a command to its end and returns what it wrote to standard output and error. An exit status other than 0 is
// kAborted, with the output in the message.
absl::StatusOr<std::string> OutputOf(const std::vector<std::string>& command);

}  // namespace shunt::playground

#endif  // SHUNT_PLAYGROUND_CHILD_H_
