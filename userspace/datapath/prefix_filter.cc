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
  return bits_.Set(BitOf(address, SHUNT_PREFIX_FRONTENDS));
}

absl::Status PrefixFilter::SetFrontend(const model::IpAddress& address, model::FrontendKind kind) {
  static_assert(64 % SHUNT_PREFIX_SETS == 0 && SHUNT_PREFIX_FRONTENDS == 0, "the bits of a prefix are in one word");
  return bits_.SetBits(BitOf(address, SHUNT_PREFIX_FRONTENDS), uint64_t{1} | uint64_t{1} << SetOf(kind));
}

absl::Status PrefixFilter::SetBackend(const model::IpAddress& address) {
  return bits_.Set(BitOf(address, SHUNT_PREFIX_BACKENDS));
}

absl::Status PrefixFilter::ClearUnneeded() {
  for (; !unneeded_.empty(); unneeded_.pop_back()) {
    if (need_.contains(unneeded_.back())) continue;
    if (absl::Status status = bits_.Clear(unneeded_.back()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void PrefixFilter::AdoptBackend(const model::IpAddress& address) {
  bits_.Adopt(BitOf(address, SHUNT_PREFIX_BACKENDS));
}

void PrefixFilter::AdoptFrontend(const model::IpAddress& address, model::FrontendKind kind) {
  bits_.Adopt(BitOf(address, SetOf(kind)));
}

absl::Status PrefixFilter::Repair() {
  for (const auto& [bit, addresses] : need_) bits_.Adopt(bit);
  if (absl::Status status = bits_.Repair(); !status.ok()) return status;
  for (uint32_t bit = 0; bit < bits_.size(); ++bit) {
    if (!bits_.Holds(bit) || bit % SHUNT_PREFIX_SETS != SHUNT_PREFIX_FRONTENDS || need_.contains(bit)) continue;
    unneeded_.push_back(bit);
    ++found_unneeded_;
  }
  return ClearUnneeded();
}

}  // namespace shunt::datapath
