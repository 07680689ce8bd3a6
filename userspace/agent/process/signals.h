// SPDX-License-Identifier: Apache-2.0
// Turns signals into something that a thread waits for, so that no signal handler ever runs.
#ifndef SHUNT_AGENT_PROCESS_SIGNALS_H_
#define SHUNT_AGENT_PROCESS_SIGNALS_H_

#include "absl/status/statusor.h"

namespace shunt::agent {

// Waits for the end of the agent: a signal, or a thread that cannot go on.
class EndWatch {
 public:
  // Blocks SIGTERM, SIGINT and SIGHUP in this thread and in those that it starts later, and ignores SIGPIPE.
  // REQUIRES: the calling thread is the only one of the process.
  static absl::StatusOr<EndWatch> Open();
  EndWatch(EndWatch&& other) noexcept;
  EndWatch& operator=(EndWatch&& other) = delete;
  ~EndWatch();

  // Makes Wait return `why`. Only the first call counts. Thread-safe.
  void End(const absl::Status& why) const;

  // Waits, and returns OK after SIGTERM or SIGINT, otherwise what End was given. SIGHUP is logged and changes nothing.
  absl::Status Wait() const;

 private:
  struct State;
  explicit EndWatch(State* state) : state_(state) {}

  State* state_;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_PROCESS_SIGNALS_H_
