// SPDX-License-Identifier: Apache-2.0
// A child process that ends with this one.
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
  std::vector<std::string> command;      // the first is the program's path
  std::vector<std::string> environment;  // NAME=value, besides this process's own
  std::string output;                    // the file that its output is appended to; empty for this process's output
  int kept_fd = -1;                      // stays open in the child, under the same number
};

// The child is killed when its object is destroyed, and by the kernel when the thread that started it ends. It has a
// process group of its own, so that Ctrl-C reaches only this process.
class Child {
 public:
  static absl::StatusOr<Child> Start(const ChildOptions& options);
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  ~Child();

  pid_t pid() const { return pid_; }
  // Returns the exit status once it has ended, or 128 + signal if a signal killed it; nullopt while it runs.
  std::optional<int> Ended();
  // Sends SIGTERM and waits; kills it after `patience`. Returns the same as Ended().
  int Stop(std::chrono::milliseconds patience);

 private:
  explicit Child(pid_t pid) : pid_(pid) {}

  pid_t pid_;  // -1 once it has been waited for
};

// Runs a command to its end and returns what it wrote to standard output and error. Returns kAborted, with the output
// in the message, if its exit status is not 0.
absl::StatusOr<std::string> OutputOf(const std::vector<std::string>& command);

}  // namespace shunt::playground

#endif  // SHUNT_PLAYGROUND_CHILD_H_
