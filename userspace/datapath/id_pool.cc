// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/id_pool.h"

#include <algorithm>
#include <bit>

namespace shunt::datapath {
namespace {

constexpr uint32_t kBits = 64;

uint64_t BitOf(size_t index) {
  return uint64_t{1} << (index % kBits);
}

// All bits below `count` set, in words.
std::vector<uint64_t> Ones(size_t count) {
  std::vector<uint64_t> words((count + kBits - 1) / kBits, ~uint64_t{0});
  if (count % kBits != 0) words.back() = BitOf(count) - 1;
  return words;
}

}  // namespace

IdPool::IdPool(uint32_t capacity) : capacity_(capacity), free_(Ones(capacity)), free_words_(Ones(free_.size())) {}

std::optional<uint32_t> IdPool::Allocate() {
  while (lowest_ < free_words_.size() && free_words_[lowest_] == 0) ++lowest_;
  if (lowest_ == free_words_.size()) return std::nullopt;
  const size_t word = lowest_ * kBits + static_cast<size_t>(std::countr_zero(free_words_[lowest_]));
  const auto id = static_cast<uint32_t>(word * kBits + static_cast<size_t>(std::countr_zero(free_[word])));
  Take(id);
  return id;
}

bool IdPool::Reserve(uint32_t id) {
  if (id >= capacity_ || IsTaken(id)) return false;
  Take(id);
  return true;
}

void IdPool::Take(uint32_t id) {
  const size_t word = id / kBits;
  free_[word] &= ~BitOf(id);
  if (free_[word] == 0) free_words_[word / kBits] &= ~BitOf(word);
  ++taken_;
}

void IdPool::Free(uint32_t id) {
  const size_t word = id / kBits;
  free_[word] |= BitOf(id);
  free_words_[word / kBits] |= BitOf(word);
  lowest_ = std::min(lowest_, word / kBits);
  --taken_;
  MarkUsed(id);
}

void IdPool::MarkUsed(uint32_t id) {
  used_below_ = std::max(used_below_, id + 1);
}

bool IdPool::IsTaken(uint32_t id) const {
  return (free_[id / kBits] & BitOf(id)) == 0;
}

}  // namespace shunt::datapath
