// SPDX-License-Identifier: Apache-2.0
// Which contiguous runs of the slots array are free.
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
  uint32_t count = 0;  // 0 stands for no run

  friend bool operator==(const SlotRun&, const SlotRun&) = default;
};

// Allocates by best fit, and the lowest of equal gaps. A freed run is joined with its free neighbours at once. O(log
// n). Runs in quarantine count as taken: see Quarantine. Not thread-safe.
class SlotRuns {
 public:
  explicit SlotRuns(uint32_t capacity);

  // Returns nothing if no free run is long enough. REQUIRES: count > 0.
  std::optional<SlotRun> Allocate(uint32_t count);
  // Takes this very run, for adoption. Returns false if it is empty, or if any of it is out of range or taken.
  bool Reserve(SlotRun run);
  // REQUIRES: all of the run is taken.
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
  Gaps gaps_;                                                // no two of them touch
  absl::btree_set<std::pair<uint32_t, uint32_t>> by_count_;  // (count, first) of the same
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_SLOT_RUNS_H_
