// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/address_book.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {

shunt_frontend_row AddressBook::RowOf(const model::IpAddress& address, uint16_t flags) {
  return {.key = EncodeAddressKey(address), .flags = flags, .kind = SHUNT_KIND_ADDRESS};
}

uint16_t AddressBook::Wanted(const AddressState& state) const {
  uint16_t flags = 0;
  if (state.cluster_ips > 0) flags |= SHUNT_ADDRESS_CLUSTER_IP;
  // Without a NodePort no program asks whether an address is the node's, and connections to it stay cheaper.
  if (state.node && node_ports_ > 0) {
    flags |= SHUNT_ADDRESS_NODE;
    if (state.node_host_only) flags |= SHUNT_ADDRESS_HOST_ONLY;
  }
  return flags;
}

bool AddressBook::LosesClusterIp(const AddressState& state) const {
  return (state.published & SHUNT_ADDRESS_CLUSTER_IP) != 0 && (Wanted(state) & SHUNT_ADDRESS_CLUSTER_IP) == 0;
}

bool AddressBook::GainsClusterIp(const AddressState& state) const {
  return (state.published & SHUNT_ADDRESS_CLUSTER_IP) == 0 && (Wanted(state) & SHUNT_ADDRESS_CLUSTER_IP) != 0;
}

bool AddressBook::IsHeld(const AddressState& state) const {
  if (GainsClusterIp(state)) return state.holds > 0;
  if (!keeps_unclaimed_) return false;
  if (LosesClusterIp(state)) return state.unclaimed;
  return state.node && (state.published & SHUNT_ADDRESS_NODE) != 0 && !had_node_port_;
}

void AddressBook::AddFrontend(const shunt_frontend_key& key, model::FrontendKind kind, Need& need) {
  if (IsWildcard(key.address)) {
    had_node_port_ = true;
    if (node_ports_++ == 0) ReviewNodeAddresses(need);
    return;
  }
  const model::IpAddress address = DecodeAddress(key.address);
  AddressState& state = book_[address];
  ++state.frontends;
  if (kind == model::FrontendKind::kClusterIp) {
    ++state.cluster_ips;
    state.unclaimed = false;
  }
  Review(address, state, need);
}

void AddressBook::RemoveFrontend(const shunt_frontend_key& key, model::FrontendKind kind) {
  Need need;  // ignored: a row that is only to lose a flag and finds the map full comes later
  if (IsWildcard(key.address)) {
    if (--node_ports_ == 0) ReviewNodeAddresses(need);
    return;
  }
  const auto found = book_.find(DecodeAddress(key.address));
  AddressState& state = found->second;
  --state.frontends;
  if (kind == model::FrontendKind::kClusterIp) --state.cluster_ips;
  Review(found->first, state, need);
  EraseIfEmpty(found);
}

void AddressBook::Count(const FrontendCount& count, Need& need) {
  if (count.added) AddFrontend(count.key, *count.added, need);
  if (count.removed) RemoveFrontend(count.key, *count.removed);
}

void AddressBook::GiveBack(const FrontendCount& count) {
  Need need;  // ignored: what was there before has its row
  if (count.removed) AddFrontend(count.key, *count.removed, need);
  if (count.added) RemoveFrontend(count.key, *count.added);
}

void AddressBook::Hold(const model::IpAddress& address) {
  ++book_[address].holds;
}

void AddressBook::Release(const model::IpAddress& address) {
  const auto found = book_.find(address);
  --found->second.holds;
  EraseIfEmpty(found);
}

void AddressBook::SetNodeAddresses(absl::Span<const NodeAddress> addresses, Need& need) {
  const std::vector<model::IpAddress> before = std::exchange(node_addresses_, {});
  for (const model::IpAddress& address : before) book_[address].node = false;
  for (const NodeAddress& node_address : addresses) {
    if (node_address.address.IsUnspecified()) continue;
    AddressState& state = book_[node_address.address];
    // If an address is named twice, the wider rule counts.
    state.node_host_only = node_address.host_only && (!state.node || state.node_host_only);
    if (!state.node) node_addresses_.push_back(node_address.address);
    state.node = true;
  }
  for (const model::IpAddress& address : before) {
    const auto found = book_.find(address);
    Review(address, found->second, need);
    EraseIfEmpty(found);
  }
  ReviewNodeAddresses(need);
}

void AddressBook::ReviewNodeAddresses(Need& need) {
  for (const model::IpAddress& address : node_addresses_) Review(address, book_[address], need);
}

// Brings the staged row and the filter in line with what is wanted.
void AddressBook::Review(const model::IpAddress& address, AddressState& state, Need& need) {
  const uint16_t wanted = Wanted(state);
  if (wanted == 0 || wanted == state.published) {
    GiveBackStagedRow(state);
  } else if (state.staged_row == kNoId) {
    TakeStagedRow(address, state, need);
  }
  if (!state.changed && wanted != state.published) {
    state.changed = true;
    changed_.push_back(address);
  }
  ReviewFilter(address, state);
}

// Takes a row, and an index slot if the address has none; both or nothing.
void AddressBook::TakeStagedRow(const model::IpAddress& address, AddressState& state, Need& need) {
  if (state.row == kNoId) state.index_slot = allocator_.TakeIndexSlot(EncodeAddressKey(address), need);
  state.staged_row = allocator_.TakeFrontendRow(need);
  if (state.index_slot == FrontendIndex::kNoIndexSlot) {
    allocator_.GiveBack(FrontendRow{std::exchange(state.staged_row, kNoId)});
  }
  if (state.staged_row == kNoId && state.row == kNoId) {
    allocator_.GiveBack(IndexSlot{std::exchange(state.index_slot, FrontendIndex::kNoIndexSlot)});
  }
}

void AddressBook::GiveBackStagedRow(AddressState& state) {
  if (state.staged_row == kNoId) return;
  // Nothing has ever led to it, so it needs no grace period.
  allocator_.GiveBack(FrontendRow{std::exchange(state.staged_row, kNoId)});
  if (state.row != kNoId) return;
  allocator_.GiveBack(IndexSlot{std::exchange(state.index_slot, FrontendIndex::kNoIndexSlot)});
}

void AddressBook::ReviewFilter(const model::IpAddress& address, AddressState& state) {
  const bool needed = state.frontends > 0 || state.row != kNoId || state.staged_row != kNoId;
  if (needed == state.in_filter) return;
  state.in_filter = needed;
  if (needed) {
    filter_.Add(address);
  } else {
    filter_.Remove(address);
  }
}

void AddressBook::EraseIfEmpty(Book::iterator found) {
  const AddressState& state = found->second;
  if (state.frontends == 0 && !state.node && !state.changed && state.row == kNoId && state.holds == 0) {
    book_.erase(found);
  }
}

std::vector<AddressBook::Failure> AddressBook::Publish(Turn turn, std::vector<Retired>& retired) {
  std::vector<Failure> failures;
  std::vector<model::IpAddress> left;
  for (const model::IpAddress& address : std::exchange(changed_, {})) {
    const auto found = book_.find(address);
    AddressState& state = found->second;
    const Turn its_turn = LosesClusterIp(state) ? Turn::kBeforeRemovals : Turn::kAfterInsertions;
    if (its_turn == turn && Wanted(state) != state.published && !IsHeld(state)) {
      absl::Status status = PublishOne(address, state, retired);
      const bool node = state.node || (state.published & SHUNT_ADDRESS_NODE) != 0;
      if (!status.ok()) failures.push_back({.address = address, .status = std::move(status), .node = node});
    }
    state.changed = Wanted(state) != state.published;
    if (state.changed) {
      left.push_back(address);
    } else {
      EraseIfEmpty(found);
    }
  }
  changed_ = std::move(left);
  return failures;
}

absl::Status AddressBook::PublishOne(const model::IpAddress& address, AddressState& state,
                                     std::vector<Retired>& retired) {
  const shunt_frontend_key key = EncodeAddressKey(address);
  const uint16_t wanted = Wanted(state);
  if (wanted == 0) {
    if (absl::Status status = allocator_.index().Remove(key, state.index_slot); !status.ok()) return status;
    state.index_slot = FrontendIndex::kNoIndexSlot;
  } else {
    Need need;
    if (state.staged_row == kNoId) TakeStagedRow(address, state, need);  // one may be free by now
    if (state.staged_row == kNoId) {
      return absl::ResourceExhaustedError(absl::StrCat("publish address ", address.ToString(), ": map ",
                                                       std::string(frontend_rows_.name()),
                                                       " has no free row; raise limits.frontends or remove Services"));
    }
    const shunt_frontend_row row = RowOf(address, wanted);
    ReviewFilter(address, state);
    absl::Status status = filter_.Set(address);
    if (status.ok()) status = frontend_rows_.Store(state.staged_row, BytesOf(row));
    if (status.ok()) status = allocator_.index().Put(key, state.index_slot, state.staged_row, state.row == kNoId);
    if (!status.ok()) return status;
  }
  if (state.row != kNoId) retired.emplace_back(FrontendRow{state.row});
  state.row = std::exchange(state.staged_row, kNoId);
  state.published = wanted;
  ReviewFilter(address, state);
  return absl::OkStatus();
}

bool AddressBook::ClaimsUnwantedClusterIp(const model::IpAddress& address) const {
  const auto found = book_.find(address);
  return found != book_.end() && LosesClusterIp(found->second);
}

bool AddressBook::AwaitsClusterIp(const model::IpAddress& address) const {
  const auto found = book_.find(address);
  return found != book_.end() && GainsClusterIp(found->second);
}

bool AddressBook::Has(const model::IpAddress& address, uint32_t index_slot, uint32_t row) const {
  const auto found = book_.find(address);
  return found != book_.end() && found->second.index_slot == index_slot && found->second.row == row;
}

bool AddressBook::Agrees(const model::IpAddress& address) const {
  const auto found = book_.find(address);
  if (found == book_.end() || found->second.row == kNoId) return true;
  const AddressState& state = found->second;
  const shunt_frontend_row expected = RowOf(address, state.published);
  shunt_frontend_row row = {};
  return allocator_.index().Holds(expected.key, state.index_slot, state.row) &&
         frontend_rows_.Load(state.row, MutableBytesOf(row)).ok() && std::memcmp(&row, &expected, sizeof(row)) == 0;
}

bool AddressBook::NodeAddressesAgree() const {
  return std::all_of(node_addresses_.begin(), node_addresses_.end(),
                     [this](const model::IpAddress& address) { return Agrees(address); });
}

bool AddressBook::AdoptRow(const model::IpAddress& address, uint32_t index_slot, uint32_t row, uint16_t flags) {
  AddressState& state = book_[address];
  if (state.row != kNoId) return false;
  state.row = row;
  state.index_slot = index_slot;
  state.published = flags;
  return true;
}

void AddressBook::EndAdoption() {
  keeps_unclaimed_ = true;
  for (auto& [address, state] : book_) {
    state.unclaimed = (state.published & SHUNT_ADDRESS_CLUSTER_IP) != 0 && state.cluster_ips == 0;
    if ((state.published & SHUNT_ADDRESS_NODE) == 0) continue;
    state.node = true;
    state.node_host_only = (state.published & SHUNT_ADDRESS_HOST_ONLY) != 0;
    node_addresses_.push_back(address);
  }
  std::sort(node_addresses_.begin(), node_addresses_.end());
  Need need;  // ignored: Publish tries again
  for (auto& [address, state] : book_) Review(address, state, need);
  std::sort(changed_.begin(), changed_.end());
}

}  // namespace shunt::datapath
