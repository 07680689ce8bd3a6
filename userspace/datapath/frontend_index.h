// SPDX-License-Identifier: Apache-2.0
// The hash table from frontend keys to row ids that programs search; see bpf/abi.h for its layout.
#ifndef SHUNT_DATAPATH_FRONTEND_INDEX_H_
#define SHUNT_DATAPATH_FRONTEND_INDEX_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "bpf/abi.h"
#include "userspace/datapath/table.h"

namespace shunt::datapath {

// Knows which index slots are taken and how many keys stand beyond each bucket. Which key stands in which slot is for
// the caller to remember. An index slot is the number (bucket * SHUNT_INDEX_ENTRIES + entry). Not thread-safe.
class FrontendIndex {
 public:
  static constexpr uint32_t kNoIndexSlot = ~uint32_t{0};

  // `index` must outlive this. REQUIRES: its capacity is a power of two. `seed` is meta's.
  FrontendIndex(Table& index, uint64_t seed);

  // Takes the first free slot on the path that programs search for the key. Returns kNoIndexSlot if all slots of that
  // path are taken. Writes nothing.
  uint32_t Take(const shunt_frontend_key& key);
  // Frees a slot. REQUIRES: it is taken, and nothing is written there.
  void GiveBack(uint32_t index_slot);

  // Lets the key lead to the row instead of the row that it led to before, if any: one store. REQUIRES: the slot is
  // taken for this key, and the row is written.
  absl::Status Put(const shunt_frontend_key& key, uint32_t index_slot, uint32_t row, bool is_new);
  // Makes a key unknown and frees its slot. REQUIRES: the key is put there.
  absl::Status Remove(const shunt_frontend_key& key, uint32_t index_slot);
  // Writes the counts that Put and Remove could not write. A key that stands beyond its bucket is found only once the
  // buckets before it count it. If this returns OK, programs find exactly the keys that are put.
  absl::Status WriteCounts();

  // ---- inspection ----
  // Returns whether the table leads the key from this slot to this row.
  bool Holds(const shunt_frontend_key& key, uint32_t index_slot, uint32_t row) const;
  // Returns whether the bucket's count is the one written last, and `is_known(index_slot, row)` for every entry in use.
  bool BucketAgrees(uint32_t bucket, absl::FunctionRef<bool(uint32_t index_slot, uint32_t row)> is_known) const;

  // ---- adoption ----
  // Gets every entry in use, in the order of slots, and returns the key that the entry stands for, or nothing if the
  // entry is invalid. An entry in a slot where programs would not find its key is invalid too.
  using Visit = std::function<std::optional<shunt_frontend_key>(uint32_t row)>;
  // Gets every valid entry. Returns false if the key stands in another slot already.
  using Found = std::function<bool(const shunt_frontend_key& key, uint32_t index_slot, uint32_t row)>;
  // Reads the table.
  absl::Status Adopt(const Visit& visit, const Found& found);
  // Frees the invalid entries.
  absl::Status RemoveForeign();
  // Returns how many entries and counts RemoveForeign and WriteCounts have to put right.
  size_t wrong() const { return foreign_.size() + miscounted_.size(); }

 private:
  struct Bucket {
    uint8_t taken = 0;     // one bit per entry
    uint32_t beyond = 0;   // keys whose search passes over this bucket
    uint64_t written = 0;  // the same count, as the table has it
  };

  uint32_t HomeOf(const shunt_frontend_key& key) const;
  // Adds `change` to the count of every bucket that a search passes before it comes to the slot.
  void Count(const shunt_frontend_key& key, uint32_t index_slot, int change);

  Table& index_;
  const uint64_t seed_;
  const uint32_t mask_;
  std::vector<Bucket> buckets_;
  std::vector<uint32_t> miscounted_;  // buckets whose count may have to be written
  std::vector<uint32_t> foreign_;     // index slots of invalid entries
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_FRONTEND_INDEX_H_
