// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/prefix_filter.h"

#include <bit>

#include "bpf/abi.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

uint32_t BitOf(const model::IpAddress& address, shunt_prefix_set set) {
  const shunt_address encoded = EncodeAddress(address);
  return shunt_prefix_bit(&encoded, set);
}

}  // namespace

PrefixFilter::PrefixFilter(Table& filter) : filter_(filter), words_(filter.capacity(), 0) {}

absl::Status PrefixFilter::ReadBack() {
  for (uint32_t i = 0; i < words_.size(); ++i) {
    if (absl::Status status = filter_.Load(i, MutableBytesOf(words_[i])); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void PrefixFilter::Add(const model::IpAddress& address) {
  ++need_[BitOf(address, SHUNT_PREFIX_FRONTENDS)];
}

void PrefixFilter::Remove(const model::IpAddress& address) {
  const auto found = need_.find(BitOf(address, SHUNT_PREFIX_FRONTENDS));
  if (--found->second > 0) return;
  unneeded_.push_back(found->first);
  need_.erase(found);
}

absl::Status PrefixFilter::Set(const model::IpAddress& address) {
  const uint32_t bit = BitOf(address, SHUNT_PREFIX_FRONTENDS);
  return Holds(bit) ? absl::OkStatus() : Flip(bit);
}

absl::Status PrefixFilter::SetBackend(const model::IpAddress& address) {
  const uint32_t bit = BitOf(address, SHUNT_PREFIX_BACKENDS);
  return Holds(bit) ? absl::OkStatus() : Flip(bit);
}

absl::Status PrefixFilter::ClearUnneeded() {
  while (!unneeded_.empty()) {
    const uint32_t bit = unneeded_.back();
    if (Holds(bit) && !need_.contains(bit)) {
      if (absl::Status status = Flip(bit); !status.ok()) return status;
    }
    unneeded_.pop_back();
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
  for (uint32_t bit = 0; bit < SHUNT_PREFIX_BITS; ++bit) {
    if (!Holds(bit) || need_.contains(bit)) continue;
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

absl::Status PrefixFilter::Flip(uint32_t bit) {
  const uint64_t word = words_[bit / 64] ^ (uint64_t{1} << (bit % 64));
  if (absl::Status status = filter_.StoreWord(bit / 64, 0, word); !status.ok()) return status;
  words_[bit / 64] = word;
  return absl::OkStatus();
}

}  // namespace shunt::datapath
