// SPDX-License-Identifier: Apache-2.0
// The state of each address itself: whether it is a ClusterIP, whether it is this node's own, and whether the prefix
// filter must let it through; as it is wanted, and as it is published.
#ifndef SHUNT_DATAPATH_ADDRESS_BOOK_H_
#define SHUNT_DATAPATH_ADDRESS_BOOK_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "userspace/datapath/allocator.h"
#include "userspace/datapath/datapath.h"
#include "userspace/datapath/prefix_filter.h"
#include "userspace/datapath/resource.h"
#include "userspace/datapath/table.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// A frontend as the book counts it ahead of its publication.
struct FrontendCount {
  shunt_frontend_key key = {};
  std::optional<model::FrontendKind> added;    // the key has a frontend of this kind from now on
  std::optional<model::FrontendKind> removed;  // it had one of this kind
};

// Counts the frontends of each address, those of staged changes included, and publishes what follows from the counts.
// Not thread-safe.
class AddressBook {
 public:
  // When a change is to be published; see Publisher::Publish.
  enum class Turn : uint8_t {
    kBeforeRemovals,   // takes SHUNT_ADDRESS_CLUSTER_IP from an address
    kAfterInsertions,  // everything else
  };
  struct Failure {
    model::IpAddress address;
    absl::Status status;
    bool node = false;  // it is or was this node's, so NodePorts depend on its row
  };

  // All must outlive the book.
  AddressBook(Table& frontend_rows, Allocator& allocator, PrefixFilter& filter)
      : frontend_rows_(frontend_rows), allocator_(allocator), filter_(filter) {}

  // Returns the row that says `flags` of the address.
  static shunt_frontend_row RowOf(const model::IpAddress& address, uint16_t flags);

  // Reserves memory for `addresses` entries.
  void Reserve(size_t addresses) { book_.reserve(addresses); }

  // Counts a frontend, or no longer counts it. AddFrontend takes a row and an index slot as soon as the address needs
  // them. If there are none, it sets need.exceeded; the frontend is still counted, and Publish tries again.
  void AddFrontend(const shunt_frontend_key& key, model::FrontendKind kind, Need& need);
  void RemoveFrontend(const shunt_frontend_key& key, model::FrontendKind kind);
  // Does both, as `count` says.
  void Count(const FrontendCount& count, Need& need);
  // Undoes Count.
  void GiveBack(const FrontendCount& count);
  // Says that a frontend at the address may be missing: until Release has been called as often, the address does not
  // become a ClusterIP, because programs would refuse connections to that frontend.
  void Hold(const model::IpAddress& address);
  void Release(const model::IpAddress& address);
  // Replaces the node's addresses.
  void SetNodeAddresses(absl::Span<const NodeAddress> addresses, Need& need);

  // Publishes the changes of this turn, each in this order: row, filter bit, index. Rows that nothing leads to any
  // longer go to `retired`. Returns the changes that failed; they are tried again whenever it is their turn. What Hold
  // keeps back is no failure.
  std::vector<Failure> Publish(Turn turn, std::vector<Retired>& retired);
  // Returns true if programs still take the address for a ClusterIP although no frontend wants it.
  bool ClaimsUnwantedClusterIp(const model::IpAddress& address) const;
  // Returns true if the address is to become a ClusterIP and is not published as one.
  bool AwaitsClusterIp(const model::IpAddress& address) const;
  // Returns how many addresses may differ from what is published, those that are held included.
  size_t changes() const { return changed_.size(); }

  // ---- inspection ----
  // Returns whether the book knows that the index leads from the address through this slot to this row.
  bool Has(const model::IpAddress& address, uint32_t index_slot, uint32_t row) const;
  // Returns whether the tables hold what is published about the address.
  bool Agrees(const model::IpAddress& address) const;
  bool NodeAddressesAgree() const;

  // ---- adoption ----
  // Says that the index leads from the address to this row, which holds these flags. Returns false if the book knows
  // such a row already.
  bool AdoptRow(const model::IpAddress& address, uint32_t index_slot, uint32_t row, uint16_t flags);
  // To be called after everything is adopted. Until SetNodeAddresses, the node's addresses are those whose rows say so.
  // Until DropUnclaimed, ClusterIPs without a frontend that makes them so stay, and so do the node's addresses without
  // a NodePort: the agent before may have ended between the removal of one frontend and the insertion of another.
  void EndAdoption();
  // To be called when the plans of all Services are staged.
  void DropUnclaimed() { keeps_unclaimed_ = false; }

 private:
  struct AddressState {
    uint32_t frontends = 0;    // staged ones included
    uint32_t cluster_ips = 0;  // of these
    uint32_t holds = 0;
    bool unclaimed = false;  // adopted as a ClusterIP without a frontend that makes it one, and none has come since
    bool node = false;
    bool node_host_only = false;
    bool changed = false;  // it is in changed_
    bool in_filter = false;
    uint16_t published = 0;                             // flags of the published row
    uint32_t row = kNoId;                               // the published row
    uint32_t staged_row = kNoId;                        // the row that is to be published
    uint32_t index_slot = FrontendIndex::kNoIndexSlot;  // of either row
  };
  using Book = absl::flat_hash_map<model::IpAddress, AddressState>;

  uint16_t Wanted(const AddressState& state) const;
  bool LosesClusterIp(const AddressState& state) const;
  bool GainsClusterIp(const AddressState& state) const;
  // Returns whether nothing is to be published about the address for now. Its flags are in one row and come together:
  // an address that may not become a ClusterIP yet does not become one of the node's either until then.
  bool IsHeld(const AddressState& state) const;
  void Review(const model::IpAddress& address, AddressState& state, Need& need);
  void ReviewNodeAddresses(Need& need);
  void ReviewFilter(const model::IpAddress& address, AddressState& state);
  void TakeStagedRow(const model::IpAddress& address, AddressState& state, Need& need);
  void GiveBackStagedRow(AddressState& state);
  absl::Status PublishOne(const model::IpAddress& address, AddressState& state, std::vector<Retired>& retired);
  void EraseIfEmpty(Book::iterator found);

  Table& frontend_rows_;
  Allocator& allocator_;
  PrefixFilter& filter_;
  Book book_;
  std::vector<model::IpAddress> node_addresses_;
  std::vector<model::IpAddress> changed_;  // addresses that may differ from what is published
  uint32_t node_ports_ = 0;
  bool had_node_port_ = false;
  bool keeps_unclaimed_ = false;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_ADDRESS_BOOK_H_
