// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/audit_desk.h"

#include <utility>

namespace shunt::agent {

absl::StatusOr<report::AuditReport> AuditDesk::Ask(const std::function<void()>& ring) {
  std::unique_lock lock(mutex_);
  const uint64_t mine = ++asked_;
  lock.unlock();
  ring();
  lock.lock();
  while (done_ < mine && !closed_) answered_.wait(lock);
  if (done_ < mine) return absl::UnavailableError("audit: the agent is stopping");
  return last_;
}

bool AuditDesk::TakeQuestions() {
  const std::lock_guard lock(mutex_);
  taken_ = asked_;
  return taken_ != done_;
}

void AuditDesk::Answer(report::AuditReport report) {
  {
    const std::lock_guard lock(mutex_);
    last_ = std::move(report);
    done_ = taken_;
  }
  answered_.notify_all();
}

void AuditDesk::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  answered_.notify_all();
}

report::AuditReport AuditDesk::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

}  // namespace shunt::agent
