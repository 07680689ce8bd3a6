// SPDX-License-Identifier: Apache-2.0
// What is to be said about each address itself: whether it is a ClusterIP, whether it is this node's own, and
// whether the prefix filter must let it through. What is wanted beside what is published.
#ifndef SHUNT_DATAPATH_ADDRESS_BOOK_H_
#define SHUNT_DATAPATH_ADDRESS_BOOK_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "userspace/datapath/datapath.h"
#include "userspace/datapath/frontend_room.h"
#include "userspace/datapath/need.h"
#include "userspace/datapath/prefix_filter.h"
#include "userspace/datapath/table.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// Not thread-safe.
class AddressBook {
 public:
  // When a change is to be published; see the update protocol.
  enum class Turn : uint8_t {
    kBeforeRemovals,   // takes SHUNT_ADDRESS_CLUSTER_IP from an address
    kAfterInsertions,  // everything else
  };
  // Learns of rows that nothing leads to any more.
  using Retire = std::function<void(uint32_t row)>;
  // Learns of changes that failed; they are tried again whenever it is their turn.
  using Failed = std::function<void(const model::IpAddress& address, const absl::Status& status)>;

  // All must outlive the book.
  AddressBook(Table& frontend_rows, FrontendRoom& room, PrefixFilter& filter)
      : frontend_rows_(frontend_rows), room_(room), filter_(filter) {}

  // Room for so many addresses, before it grows step by step.
  void Reserve(size_t addresses) { book_.reserve(addresses); }

  // A frontend of this kind has this key, or has no longer. Takes room for the address's row as soon as one is
  // wanted; if there is none, need.exceeded: the count stands all the same and the row comes when there is room.
  void AddFrontend(const shunt_frontend_key& key, model::FrontendKind kind, Need& need);
  void RemoveFrontend(const shunt_frontend_key& key, model::FrontendKind kind);
  // Replaces the node's addresses.
  void SetNodeAddresses(absl::Span<const NodeAddress> addresses, Need& need);

  // Publishes the changes of this turn: row, filter bit, then the index.
  void Publish(Turn turn, const Retire& retire, const Failed& failed);
  // Whether programs still take this address for a ClusterIP, although no frontend wants it.
  bool ClaimsUnwantedClusterIp(const model::IpAddress& address) const;
  bool HasChanges() const { return !changed_.empty(); }
  size_t changes() const { return changed_.size(); }

  // ---- adoption ----
  // Says that the index leads from the address to this row, which holds these flags. False: it is known already.
  bool AdoptRow(const model::IpAddress& address, uint32_t place, uint32_t row, uint16_t flags);
  // After everything is adopted: until SetNodeAddresses, the node's addresses are those whose rows say so.
  void EndAdoption();

 private:
  struct Facts {
    uint32_t frontends = 0;    // staged ones included
    uint32_t cluster_ips = 0;  // of these
    bool node = false;
    bool node_host_only = false;
    bool changed = false;  // in changed_
    bool in_filter = false;
    uint16_t published = 0;                    // flags of the published row
    uint32_t row = kNoId;                      // published
    uint32_t staged_row = kNoId;               // to be published
    uint32_t place = FrontendIndex::kNoIndexSlot;  // of either
  };
  using Book = absl::flat_hash_map<model::IpAddress, Facts>;

  uint16_t Wanted(const Facts& facts) const;
  bool LosesClusterIp(const Facts& facts) const;
  void Review(const model::IpAddress& address, Facts& facts, Need& need);
  void ReviewNodeAddresses(Need& need);
  void ReviewFilter(const model::IpAddress& address, Facts& facts);
  void TakeStagedRow(const model::IpAddress& address, Facts& facts, Need& need);
  void GiveBackStagedRow(Facts& facts);
  absl::Status PublishOne(const model::IpAddress& address, Facts& facts, const Retire& retire);
  void EraseIfEmpty(Book::iterator found);

  Table& frontend_rows_;
  FrontendRoom& room_;
  PrefixFilter& filter_;
  Book book_;
  std::vector<model::IpAddress> node_addresses_;
  std::vector<model::IpAddress> changed_;  // wanted differs from published, or did
  uint32_t node_ports_ = 0;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_ADDRESS_BOOK_H_
