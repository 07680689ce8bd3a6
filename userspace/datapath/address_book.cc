// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/address_book.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {

uint16_t AddressBook::Wanted(const Facts& facts) const {
  uint16_t flags = 0;
  if (facts.cluster_ips > 0) flags |= SHUNT_ADDRESS_CLUSTER_IP;
  // Without a NodePort nobody asks whether an address is the node's, and its connections stay cheaper.
  if (facts.node && node_ports_ > 0) {
    flags |= SHUNT_ADDRESS_NODE;
    if (facts.node_host_only) flags |= SHUNT_ADDRESS_HOST_ONLY;
  }
  return flags;
}

bool AddressBook::LosesClusterIp(const Facts& facts) const {
  return (facts.published & SHUNT_ADDRESS_CLUSTER_IP) != 0 && (Wanted(facts) & SHUNT_ADDRESS_CLUSTER_IP) == 0;
}

void AddressBook::AddFrontend(const shunt_frontend_key& key, model::FrontendKind kind, Need& need) {
  if (IsWildcard(key.address)) {
    if (node_ports_++ == 0) ReviewNodeAddresses(need);
    return;
  }
  const model::IpAddress address = DecodeAddress(key.address);
  Facts& facts = book_[address];
  ++facts.frontends;
  if (kind == model::FrontendKind::kClusterIp) ++facts.cluster_ips;
  Review(address, facts, need);
}

void AddressBook::RemoveFrontend(const shunt_frontend_key& key, model::FrontendKind kind) {
  Need need;  // a row that is only to lose a flag may lack room: it then comes later
  if (IsWildcard(key.address)) {
    if (--node_ports_ == 0) ReviewNodeAddresses(need);
    return;
  }
  const auto found = book_.find(DecodeAddress(key.address));
  Facts& facts = found->second;
  --facts.frontends;
  if (kind == model::FrontendKind::kClusterIp) --facts.cluster_ips;
  Review(found->first, facts, need);
  EraseIfEmpty(found);
}

void AddressBook::SetNodeAddresses(absl::Span<const NodeAddress> addresses, Need& need) {
  const std::vector<model::IpAddress> before = std::exchange(node_addresses_, {});
  for (const model::IpAddress& address : before) book_[address].node = false;
  for (const NodeAddress& node_address : addresses) {
    if (node_address.address.IsUnspecified()) continue;
    Facts& facts = book_[node_address.address];
    // Named twice: the wider rule counts.
    facts.node_host_only = node_address.host_only && (!facts.node || facts.node_host_only);
    if (!facts.node) node_addresses_.push_back(node_address.address);
    facts.node = true;
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

// Brings room and filter in line with what is wanted.
void AddressBook::Review(const model::IpAddress& address, Facts& facts, Need& need) {
  const uint16_t wanted = Wanted(facts);
  if (wanted == 0 || wanted == facts.published) {
    GiveBackStagedRow(facts);
  } else if (facts.staged_row == kNoId) {
    TakeStagedRow(address, facts, need);
  }
  if (!facts.changed && wanted != facts.published) {
    facts.changed = true;
    changed_.push_back(address);
  }
  ReviewFilter(address, facts);
}

void AddressBook::TakeStagedRow(const model::IpAddress& address, Facts& facts, Need& need) {
  if (facts.row == kNoId) facts.place = room_.TakePlace(EncodeAddressKey(address), need);
  facts.staged_row = room_.TakeRow(need);
  if (facts.place == FrontendIndex::kNoIndexSlot && facts.staged_row != kNoId) {
    room_.rows().Free(facts.staged_row);
    facts.staged_row = kNoId;
  }
  if (facts.staged_row == kNoId && facts.row == kNoId && facts.place != FrontendIndex::kNoIndexSlot) {
    room_.index().GiveBack(facts.place);
    facts.place = FrontendIndex::kNoIndexSlot;
  }
}

void AddressBook::GiveBackStagedRow(Facts& facts) {
  if (facts.staged_row == kNoId) return;
  // Nothing has ever led to it, so it needs no grace period.
  room_.rows().Free(facts.staged_row);
  facts.staged_row = kNoId;
  if (facts.row != kNoId) return;
  room_.index().GiveBack(facts.place);
  facts.place = FrontendIndex::kNoIndexSlot;
}

void AddressBook::ReviewFilter(const model::IpAddress& address, Facts& facts) {
  const bool needed = facts.frontends > 0 || facts.row != kNoId || facts.staged_row != kNoId;
  if (needed == facts.in_filter) return;
  facts.in_filter = needed;
  if (needed) {
    filter_.Add(address);
  } else {
    filter_.Remove(address);
  }
}

void AddressBook::EraseIfEmpty(Book::iterator found) {
  const Facts& facts = found->second;
  if (facts.frontends == 0 && !facts.node && !facts.changed && facts.row == kNoId) book_.erase(found);
}

void AddressBook::Publish(Turn turn, const Retire& retire, const Failed& failed) {
  std::vector<model::IpAddress> left;
  for (const model::IpAddress& address : std::exchange(changed_, {})) {
    const auto found = book_.find(address);
    Facts& facts = found->second;
    const Turn its_turn = LosesClusterIp(facts) ? Turn::kBeforeRemovals : Turn::kAfterInsertions;
    if (its_turn == turn && Wanted(facts) != facts.published) {
      if (absl::Status status = PublishOne(address, facts, retire); !status.ok()) failed(address, status);
    }
    facts.changed = Wanted(facts) != facts.published;
    if (facts.changed) {
      left.push_back(address);
    } else {
      EraseIfEmpty(found);
    }
  }
  changed_ = std::move(left);
}

absl::Status AddressBook::PublishOne(const model::IpAddress& address, Facts& facts, const Retire& retire) {
  const shunt_frontend_key key = EncodeAddressKey(address);
  const uint16_t wanted = Wanted(facts);
  if (wanted == 0) {
    if (absl::Status status = room_.index().Remove(key, facts.place); !status.ok()) return status;
    facts.place = FrontendIndex::kNoIndexSlot;
  } else {
    Need need;
    if (facts.staged_row == kNoId) TakeStagedRow(address, facts, need);  // there may be room by now
    if (facts.staged_row == kNoId) {
      return absl::ResourceExhaustedError(absl::StrCat("publish address ", address.ToString(), ": map ",
                                                       std::string(frontend_rows_.name()),
                                                       " has no free row; raise its limit or remove Services"));
    }
    const shunt_frontend_row row = {.key = key, .flags = wanted, .kind = SHUNT_KIND_ADDRESS};
    ReviewFilter(address, facts);
    absl::Status status = filter_.Set(address);
    if (status.ok()) status = frontend_rows_.Store(facts.staged_row, BytesOf(row));
    if (status.ok()) status = room_.index().Put(key, facts.place, facts.staged_row, facts.row == kNoId);
    if (!status.ok()) return status;
  }
  if (facts.row != kNoId) retire(facts.row);
  facts.row = std::exchange(facts.staged_row, kNoId);
  facts.published = wanted;
  ReviewFilter(address, facts);
  return absl::OkStatus();
}

bool AddressBook::ClaimsUnwantedClusterIp(const model::IpAddress& address) const {
  const auto found = book_.find(address);
  return found != book_.end() && LosesClusterIp(found->second);
}

bool AddressBook::AdoptRow(const model::IpAddress& address, uint32_t place, uint32_t row, uint16_t flags) {
  Facts& facts = book_[address];
  if (facts.row != kNoId) return false;
  facts.row = row;
  facts.place = place;
  facts.published = flags;
  return true;
}

void AddressBook::EndAdoption() {
  for (auto& [address, facts] : book_) {
    if ((facts.published & SHUNT_ADDRESS_NODE) == 0) continue;
    facts.node = true;
    facts.node_host_only = (facts.published & SHUNT_ADDRESS_HOST_ONLY) != 0;
    node_addresses_.push_back(address);
  }
  std::sort(node_addresses_.begin(), node_addresses_.end());
  Need need;  // what lacks room is looked at again
  for (auto& [address, facts] : book_) Review(address, facts, need);
  std::sort(changed_.begin(), changed_.end());
}

}  // namespace shunt::datapath
