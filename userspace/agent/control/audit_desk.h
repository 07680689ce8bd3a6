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
  // Waits for a report of an audit that begins after this call. `ring` wakes the loop. kUnavailable: the loop has
  // ended.
  absl::StatusOr<report::AuditReport> Ask(const std::function<void()>& ring);

  // ---- the loop ----
  // Whether somebody waits. What is answered next is for all who have asked by now.
  bool TakeQuestions();
  void Answer(report::AuditReport report);
  // Nobody is answered any more.
  void Close();

  // The last answer.
  report::AuditReport last() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable answered_;
  uint64_t asked_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;  // of those asked: the loop's next answer is theirs
  uint64_t done_ ABSL_GUARDED_BY(mutex_) = 0;   // of those taken: answered
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  report::AuditReport last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_AUDIT_DESK_H_
