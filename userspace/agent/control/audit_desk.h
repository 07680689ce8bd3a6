// SPDX-License-Identifier: Apache-2.0
// Where other threads ask the loop for an audit and wait for its report.
#ifndef SHUNT_AGENT_CONTROL_AUDIT_DESK_H_
#define SHUNT_AGENT_CONTROL_AUDIT_DESK_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "userspace/report/audit_report.h"

namespace shunt::agent {

// Thread-safe.
class AuditDesk {
 public:
  // Asks for an audit and waits for the report of one that begins after this call. `ring` wakes the loop. Returns
  // kUnavailable if the loop has ended.
  absl::StatusOr<report::AuditReport> Ask(const std::function<void()>& ring);

  // ---- called by the loop ----
  // Returns whether a question waits. The next Answer is for every question asked by now.
  bool TakeQuestions();
  void Answer(report::AuditReport report);
  // Ends all waits, present and future, without a report.
  void Close();

  // Returns the last answer.
  report::AuditReport last() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable answered_;
  uint64_t asked_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;  // of those asked: the next Answer is for them
  uint64_t done_ ABSL_GUARDED_BY(mutex_) = 0;   // of those taken: they are answered
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  report::AuditReport last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_AUDIT_DESK_H_
