// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/slot_runs.h"

namespace shunt::datapath {

SlotRuns::SlotRuns(uint32_t capacity) : capacity_(capacity) {
  AddGap(0, capacity);
}

void SlotRuns::AddGap(uint32_t first, uint32_t count) {
  if (count == 0) return;
  gaps_.emplace(first, count);
  by_count_.emplace(count, first);
}

void SlotRuns::TakeFrom(Gaps::iterator gap, SlotRun run) {
  const auto [first, count] = *gap;
  by_count_.erase({count, first});
  gaps_.erase(gap);
  AddGap(first, run.first - first);
  AddGap(run.first + run.count, first + count - (run.first + run.count));
  taken_ += run.count;
}

std::optional<SlotRun> SlotRuns::Allocate(uint32_t count) {
  const auto best = by_count_.lower_bound({count, 0});
  if (best == by_count_.end()) return std::nullopt;
  const SlotRun run = {best->second, count};
  TakeFrom(gaps_.find(run.first), run);
  return run;
}

bool SlotRuns::Reserve(SlotRun run) {
  if (run.count == 0 || run.first >= capacity_ || run.count > capacity_ - run.first) return false;
  auto gap = gaps_.upper_bound(run.first);
  if (gap == gaps_.begin()) return false;
  --gap;
  if (run.first + run.count > gap->first + gap->second) return false;
  TakeFrom(gap, run);
  return true;
}

void SlotRuns::Free(SlotRun run) {
  taken_ -= run.count;
  uint32_t first = run.first;
  uint32_t count = run.count;
  auto next = gaps_.lower_bound(run.first);
  if (next != gaps_.end() && next->first == first + count) {
    count += next->second;
    by_count_.erase({next->second, next->first});
    next = gaps_.erase(next);
  }
  if (next != gaps_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second == first) {
      first = before->first;
      count += before->second;
      by_count_.erase({before->second, before->first});
      gaps_.erase(before);
    }
  }
  AddGap(first, count);
}

}  // namespace shunt::datapath
