// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/quarantine.h"

#include <utility>

namespace shunt::datapath {

void Quarantine::Add(std::vector<Retired>& retired) {
  if (retired.empty()) return;
  last_ticket_ = grace_.Start();
  AddWithTicket(last_ticket_, retired);
}

void Quarantine::AddPassed(std::vector<Retired>& retired) {
  AddWithTicket(0, retired);
}

void Quarantine::AddWithTicket(GracePeriod::Ticket ticket, std::vector<Retired>& retired) {
  for (Retired& resource : retired) waiting_.push_back({.ticket = ticket, .resource = std::move(resource)});
  retired.clear();
}

size_t Quarantine::Reclaim(size_t limit, const TakeBack& take_back) {
  size_t taken = 0;
  while (taken < limit && !waiting_.empty()) {
    Waiting& first = waiting_.front();
    if (first.ticket != 0 && !grace_.Passed(first.ticket)) break;
    if (!take_back(first.resource).ok()) break;
    waiting_.pop_front();
    ++taken;
  }
  return taken;
}

absl::Status Quarantine::Wait() {
  if (waiting_.empty() || last_ticket_ == 0 || grace_.Passed(last_ticket_)) return absl::OkStatus();
  absl::Status status = grace_.Wait(last_ticket_);
  if (status.ok()) return status;
  // That attempt failed. Another one may succeed, and it covers the earlier tickets too.
  last_ticket_ = grace_.Start();
  return grace_.Wait(last_ticket_);
}

}  // namespace shunt::datapath
