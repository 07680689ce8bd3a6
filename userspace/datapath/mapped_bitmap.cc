// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/mapped_bitmap.h"

#include "userspace/datapath/codec.h"

namespace shunt::datapath {

absl::Status MappedBitmap::ReadBack() {
  for (uint32_t i = 0; i < words_.size(); ++i) {
    if (absl::Status status = table_.Load(i, MutableBytesOf(words_[i])); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status MappedBitmap::SetBits(uint32_t bit, uint64_t pattern) {
  return Store(bit / 64, words_[bit / 64] | pattern << (bit % 64));
}

absl::Status MappedBitmap::Clear(uint32_t bit) {
  return Store(bit / 64, words_[bit / 64] & ~(uint64_t{1} << (bit % 64)));
}

void MappedBitmap::Adopt(uint32_t bit) {
  if (!Holds(bit)) missing_.push_back(bit);
}

absl::Status MappedBitmap::Repair() {
  for (; !missing_.empty(); missing_.pop_back()) {
    if (Holds(missing_.back())) continue;
    if (absl::Status status = Set(missing_.back()); !status.ok()) return status;
    ++repaired_;
  }
  return absl::OkStatus();
}

bool MappedBitmap::Agrees() const {
  for (uint32_t i = 0; i < words_.size(); ++i) {
    uint64_t word = 0;
    if (!table_.Load(i, MutableBytesOf(word)).ok() || word != words_[i]) return false;
  }
  return true;
}

absl::Status MappedBitmap::Store(uint32_t index, uint64_t word) {
  if (word == words_[index]) return absl::OkStatus();
  if (absl::Status status = table_.StoreWord(index, 0, word); !status.ok()) return status;
  words_[index] = word;
  return absl::OkStatus();
}

}  // namespace shunt::datapath
