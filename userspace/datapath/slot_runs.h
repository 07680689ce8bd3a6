// SPDX-License-Identifier: Apache-2.0
// Contiguous runs of the slots array: which are free.
#ifndef SHUNT_DATAPATH_SLOT_RUNS_H_
#define SHUNT_DATAPATH_SLOT_RUNS_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"

namespace shunt::datapath {

struct SlotRun {
  uint32_t first = 0;
  uint32_t count = 0;  // 0: no run

  friend bool operator==(const SlotRun&, const SlotRun&) = default;
};

// Best fit, the lowest of equals; a freed run grows together with its free neighbours at once. O(log n).
// Not thread-safe. Runs in quarantine count as taken: see Quarantine.
class SlotRuns {
 public:
  explicit SlotRuns(uint32_t capacity);

  // Empty: no free run is that long. REQUIRES: count > 0.
  std::optional<SlotRun> Allocate(uint32_t count);
  // Takes this very run: adoption. False if it is empty, or any of it out of range or taken.
  bool Reserve(SlotRun run);
  // REQUIRES: the run is taken whole.
  void Free(SlotRun run);

  uint32_t capacity() const { return capacity_; }
  uint32_t taken() const { return taken_; }
  uint32_t available() const { return capacity_ - taken_; }
  uint32_t longest_free() const { return by_count_.empty() ? 0 : by_count_.rbegin()->first; }

 private:
  using Gaps = absl::btree_map<uint32_t, uint32_t>;  // first -> count

  void AddGap(uint32_t first, uint32_t count);
  void TakeFrom(Gaps::iterator gap, SlotRun run);

  uint32_t capacity_;
  uint32_t taken_ = 0;
  Gaps gaps_;                                                // never two that touch
  absl::btree_set<std::pair<uint32_t, uint32_t>> by_count_;  // (count, first) of the same
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_SLOT_RUNS_H_
