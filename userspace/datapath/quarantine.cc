// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/quarantine.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace shunt::datapath {
namespace {

size_t RowsOf(const Retired& resource) {
  if (const auto* const set = std::get_if<BackendSet>(&resource)) return std::max<size_t>(1, set->members.size());
  if (const auto* const list = std::get_if<SourceList>(&resource)) return std::max<size_t>(1, list->ranges);
  return 1;
}

}  // namespace

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

size_t Quarantine::Reclaim(size_t rows_max, const TakeBack& take_back) {
  size_t taken = 0, rows = 0;
  stopped_at_error_ = false;
  while (rows < rows_max && !waiting_.empty()) {
    Waiting& first = waiting_.front();
    if (first.ticket != 0 && !grace_.Passed(first.ticket)) break;
    rows += RowsOf(first.resource);
    stopped_at_error_ = !take_back(first.resource).ok();
    if (stopped_at_error_) break;
    waiting_.pop_front();
    ++taken;
  }
  return taken;
}

bool Quarantine::MayFree() {
  if (waiting_.empty()) return false;
  if (!grace_.Failed(last_ticket_)) return true;
  last_ticket_ = grace_.Start();
  return false;
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
