// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/prefix_filter.h"

#include "absl/types/span.h"
#include "bpf/abi.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

uint32_t BitOf(const model::IpAddress& address, shunt_prefix_set set) {
  const shunt_address encoded = EncodeAddress(address);
  return shunt_prefix_bit(&encoded, set);
}

absl::Span<const shunt_prefix_set> SetsOf(AddressUse use) {
  static constexpr shunt_prefix_set kSets[] = {SHUNT_PREFIX_FRONTENDS, SHUNT_PREFIX_SERVICES};
  switch (use) {
    case AddressUse::kNone:
      return {};
    case AddressUse::kNode:
      return absl::MakeConstSpan(kSets, 1);
    case AddressUse::kService:
      break;
  }
  return kSets;
}

}  // namespace

PrefixFilter::PrefixFilter(Table& filter) : filter_(filter), words_(filter.capacity(), 0) {}

absl::Status PrefixFilter::ReadBack() {
  for (uint32_t i = 0; i < words_.size(); ++i) {
    if (absl::Status status = filter_.Load(i, MutableBytesOf(words_[i])); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void PrefixFilter::Recount(const model::IpAddress& address, AddressUse before, AddressUse after) {
  for (const shunt_prefix_set set : SetsOf(after)) ++need_[BitOf(address, set)];
  for (const shunt_prefix_set set : SetsOf(before)) {
    const auto found = need_.find(BitOf(address, set));
    if (--found->second > 0) continue;
    unneeded_.push_back(found->first);
    need_.erase(found);
  }
}

absl::Status PrefixFilter::Set(const model::IpAddress& address, AddressUse use) {
  const uint32_t index = BitOf(address, SHUNT_PREFIX_FRONTENDS) / 64;
  uint64_t word = words_[index];
  for (const shunt_prefix_set set : SetsOf(use)) word |= uint64_t{1} << (BitOf(address, set) % 64);
  return word == words_[index] ? absl::OkStatus() : Store(index, word);
}

absl::Status PrefixFilter::SetBackend(const model::IpAddress& address) {
  const uint32_t bit = BitOf(address, SHUNT_PREFIX_BACKENDS);
  return Holds(bit) ? absl::OkStatus() : Flip(bit);
}

absl::Status PrefixFilter::ClearUnneeded() {
  while (!unneeded_.empty()) {
    // The bits of an address follow each other: one store for those of one word.
    const uint32_t index = unneeded_.back() / 64;
    uint64_t word = words_[index];
    size_t left = unneeded_.size();
    for (; left > 0 && unneeded_[left - 1] / 64 == index; --left) {
      const uint32_t bit = unneeded_[left - 1];
      if (!need_.contains(bit)) word &= ~(uint64_t{1} << (bit % 64));
    }
    if (word != words_[index]) {
      if (absl::Status status = Store(index, word); !status.ok()) return status;
    }
    unneeded_.resize(left);
  }
  return absl::OkStatus();
}

void PrefixFilter::AdoptBackend(const model::IpAddress& address) {
  const uint32_t bit = BitOf(address, SHUNT_PREFIX_BACKENDS);
  if (!Holds(bit)) missing_.push_back(bit);
}

absl::Status PrefixFilter::Repair() {
  for (; !missing_.empty(); missing_.pop_back()) {
    if (Holds(missing_.back())) continue;
    if (absl::Status status = Flip(missing_.back()); !status.ok()) return status;
    ++repaired_;
  }
  for (const auto& [bit, addresses] : need_) {
    if (Holds(bit)) continue;
    if (absl::Status status = Flip(bit); !status.ok()) return status;
    ++repaired_;
  }
  for (uint32_t bit = 0; bit < SHUNT_PREFIXES * SHUNT_PREFIX_SETS; ++bit) {
    if (!Holds(bit) || bit % SHUNT_PREFIX_SETS == SHUNT_PREFIX_BACKENDS || need_.contains(bit)) continue;
    unneeded_.push_back(bit);
    ++repaired_;
  }
  return ClearUnneeded();
}

bool PrefixFilter::Agrees() const {
  for (uint32_t i = 0; i < words_.size(); ++i) {
    uint64_t word = 0;
    if (!filter_.Load(i, MutableBytesOf(word)).ok() || word != words_[i]) return false;
  }
  return true;
}

absl::Status PrefixFilter::Store(uint32_t index, uint64_t word) {
  if (absl::Status status = filter_.StoreWord(index, 0, word); !status.ok()) return status;
  words_[index] = word;
  return absl::OkStatus();
}

}  // namespace shunt::datapath
