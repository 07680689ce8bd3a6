// SPDX-License-Identifier: Apache-2.0
// Which rows of an array map are taken. The lowest free id comes first, so that rows in use stay close together.
#ifndef SHUNT_DATAPATH_ID_POOL_H_
#define SHUNT_DATAPATH_ID_POOL_H_

#include <cstdint>
#include <optional>
#include <vector>

namespace shunt::datapath {

// The id of no row.
inline constexpr uint32_t kNoId = ~uint32_t{0};

// Ids in quarantine count as taken: see Quarantine. Not thread-safe.
class IdPool {
 public:
  explicit IdPool(uint32_t capacity);

  // Returns the lowest free id, or nothing if all are taken. O(1) amortized; at worst one pass over a bitmap of
  // bitmaps.
  std::optional<uint32_t> Allocate();
  // Takes this very id, for adoption. Returns false if it is out of range or taken.
  bool Reserve(uint32_t id);
  // REQUIRES: taken.
  void Free(uint32_t id);

  // Says that an earlier agent has used the row.
  void MarkUsed(uint32_t id);
  // Returns false only if the id has never been freed or marked, so that the counters beside its row are still zero.
  bool WasUsed(uint32_t id) const { return id < used_below_; }

  bool IsTaken(uint32_t id) const;
  uint32_t capacity() const { return capacity_; }
  uint32_t taken() const { return taken_; }
  uint32_t available() const { return capacity_ - taken_; }

 private:
  void Take(uint32_t id);

  uint32_t capacity_;
  uint32_t taken_ = 0;
  uint32_t used_below_ = 0;
  std::vector<uint64_t> free_;        // a set bit is a free id
  std::vector<uint64_t> free_words_;  // a set bit is a word of free_ that is not 0
  size_t lowest_ = 0;                 // no word of free_words_ below is set
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_ID_POOL_H_
