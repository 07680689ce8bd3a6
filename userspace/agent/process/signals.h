// SPDX-License-Identifier: Apache-2.0
// Signals as something to read, so that no handler runs anywhere.
#ifndef SHUNT_AGENT_PROCESS_SIGNALS_H_
#define SHUNT_AGENT_PROCESS_SIGNALS_H_

#include "absl/status/statusor.h"

namespace shunt::agent {

// Waits for the end of the agent: a signal, or a thread that cannot go on.
class EndWatch {
 public:
  // Blocks SIGTERM, SIGINT and SIGHUP in this thread and in those that it starts later, and ignores SIGPIPE.
  // REQUIRES: no other thread yet.
  static absl::StatusOr<EndWatch> Open();
  EndWatch(EndWatch&& other) noexcept;
  EndWatch& operator=(EndWatch&& other) = delete;
  ~EndWatch();

  // From any thread: makes Wait return `why`; the first call counts.
  void End(const absl::Status& why) const;

  // OK: SIGTERM or SIGINT. Else what End was given. SIGHUP is noted in the log and changes nothing.
  absl::Status Wait() const;

 private:
  struct State;
  explicit EndWatch(State* state) : state_(state) {}

  State* state_;
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_PROCESS_SIGNALS_H_
