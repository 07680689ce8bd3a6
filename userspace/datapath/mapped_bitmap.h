// SPDX-License-Identifier: Apache-2.0
// A bitmap that programs read, beside a copy of what its map holds.
#ifndef SHUNT_DATAPATH_MAPPED_BITMAP_H_
#define SHUNT_DATAPATH_MAPPED_BITMAP_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "userspace/datapath/table.h"

namespace shunt::datapath {

// Writes a word only if it changes. After an error the copy still says what the map holds. Not thread-safe. REQUIRES,
// in every call with a bit: the bitmap has it.
class MappedBitmap {
 public:
  // `table` is an array of words and must outlive this.
  explicit MappedBitmap(Table& table) : table_(table), words_(table.capacity(), 0) {}

  // Copies the map. Adoption calls it before anything else.
  absl::Status ReadBack();

  uint32_t size() const { return static_cast<uint32_t>(words_.size()) * 64; }
  bool Holds(uint32_t bit) const { return (words_[bit / 64] >> (bit % 64) & 1) != 0; }
  absl::Status Set(uint32_t bit) { return SetBits(bit, 1); }
  // Sets bits of one word by one store: those of `pattern`, counted from `bit` on.
  absl::Status SetBits(uint32_t bit, uint64_t pattern);
  absl::Status Clear(uint32_t bit);

  // Says that the bit is to be set. Repair sets it if it is missing.
  void Adopt(uint32_t bit);
  absl::Status Repair();
  // Returns how many bits Repair has found missing.
  uint32_t repaired() const { return repaired_; }

  // Returns whether the map holds what was last read from it or written to it.
  bool Agrees() const;

 private:
  absl::Status Store(uint32_t index, uint64_t word);

  Table& table_;
  std::vector<uint64_t> words_;    // what the map holds
  std::vector<uint32_t> missing_;  // bits that may be missing
  uint32_t repaired_ = 0;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_MAPPED_BITMAP_H_
