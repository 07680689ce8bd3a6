// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/prefix_filter.h"

#include "bpf/abi.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

uint32_t BitOf(const model::IpAddress& address, shunt_prefix_set set) {
  const shunt_address encoded = EncodeAddress(address);
  return shunt_prefix_bit(&encoded, set);
}

// A ClusterIP's every port is the packet path's business: what no Service uses is refused.
shunt_prefix_set SetOf(model::FrontendKind kind) {
  return kind == model::FrontendKind::kClusterIp ? SHUNT_PREFIX_SERVICES : SHUNT_PREFIX_PORTS;
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
  return Store(bit / 64, words_[bit / 64] | uint64_t{1} << (bit % 64));
}

absl::Status PrefixFilter::SetFrontend(const model::IpAddress& address, model::FrontendKind kind) {
  static_assert(64 % SHUNT_PREFIX_SETS == 0, "the bits of a prefix are in one word");
  const uint32_t bit = BitOf(address, SHUNT_PREFIX_FRONTENDS);
  const uint64_t both = uint64_t{1} << SHUNT_PREFIX_FRONTENDS | uint64_t{1} << SetOf(kind);
  return Store(bit / 64, words_[bit / 64] | both << (bit % 64));
}

absl::Status PrefixFilter::SetBackend(const model::IpAddress& address) {
  const uint32_t bit = BitOf(address, SHUNT_PREFIX_BACKENDS);
  return Store(bit / 64, words_[bit / 64] | uint64_t{1} << (bit % 64));
}

absl::Status PrefixFilter::ClearUnneeded() {
  for (; !unneeded_.empty(); unneeded_.pop_back()) {
    const uint32_t bit = unneeded_.back();
    if (!Holds(bit) || need_.contains(bit)) continue;
    if (absl::Status status = Flip(bit); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void PrefixFilter::AdoptBackend(const model::IpAddress& address) {
  Adopt(BitOf(address, SHUNT_PREFIX_BACKENDS));
}

void PrefixFilter::AdoptFrontend(const model::IpAddress& address, model::FrontendKind kind) {
  Adopt(BitOf(address, SetOf(kind)));
}

void PrefixFilter::Adopt(uint32_t bit) {
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
    if (!Holds(bit) || bit % SHUNT_PREFIX_SETS != SHUNT_PREFIX_FRONTENDS || need_.contains(bit)) continue;
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
  if (word == words_[index]) return absl::OkStatus();
  if (absl::Status status = filter_.StoreWord(index, 0, word); !status.ok()) return status;
  words_[index] = word;
  return absl::OkStatus();
}

}  // namespace shunt::datapath
