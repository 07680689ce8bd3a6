// SPDX-License-Identifier: Apache-2.0
// The update protocol: the order in which staged changes are written, so that a program that reads meanwhile finds the
// old set or the new one.
#ifndef SHUNT_DATAPATH_PUBLISHER_H_
#define SHUNT_DATAPATH_PUBLISHER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "bpf/abi.h"
#include "userspace/datapath/address_book.h"
#include "userspace/datapath/change.h"
#include "userspace/datapath/inventory.h"
#include "userspace/datapath/published.h"
#include "userspace/datapath/resource.h"
#include "userspace/datapath/transfers.h"

namespace shunt::datapath {

// Writes staged changes to the tables, and records in the inventory what it has written. Not thread-safe.
class Publisher {
 public:
  // Services in `given_up` take no frontends although `transfers` says so, because their plans do not fit or contradict
  // themselves. All must outlive the publisher.
  Publisher(Inventory& inventory, const Transfers& transfers, const ServiceSet& given_up)
      : inventory_(inventory), published_(inventory.published), transfers_(transfers), given_up_(given_up) {}

  // To be called once. Publishes the staged changes and everything that the address book has to change; leaves refused
  // changes alone. A
  // write that fails goes into the status of its change; publisher.cc says what is left in the tables then. At every
  // instant every frontend has its old set or its new one.
  void Publish(absl::Span<const std::unique_ptr<Change>> changes);

  // The last failure of something that belongs to no single Service: rows of addresses, counts of the index, filter
  // bits that are to be cleared. Every Publish tries them again.
  const absl::Status& shared_status() const { return shared_status_; }

 private:
  // Step 1.
  absl::Status WriteUnnamed(Change& change);
  absl::Status WritePool(const PoolChange& pool);
  absl::Status WriteServicePort(const Change& change, const PortChange& port);
  // Step 2.
  void RemoveReleased(Change& change);
  bool WaitsForTaker(const shunt_frontend_key& key) const;
  // Step 3.
  void PublishPools(Change& change);
  // Step 4.
  void InsertFrontends(Change& change);
  void SettleFrontends(Change& change);
  void SettleReleased(Change& change);
  void HoldAddress(ServiceState& service, const shunt_frontend_key& key);
  // Step 5.
  void SettlePorts(Change& change);
  void RetirePort(PortState& port, Change& change);
  void RetirePools(PortState& port, Change& change, absl::FunctionRef<bool(const PoolState&)> goes);
  void RetireSet(BackendSet set);
  void RenewStamps();
  // Steps 2 and 4.
  void PublishAddresses(AddressBook::Turn turn, absl::Span<const std::unique_ptr<Change>> changes);
  void RetireRow(const FrontendState& frontend);
  // Notes which pools a frontend leaves that had this row, and now has `next`, or no row if that is null.
  void LeavePools(uint32_t row_id, const shunt_frontend_row* next);

  Inventory& inventory_;
  Published& published_;
  const Transfers& transfers_;
  const ServiceSet& given_up_;
  std::vector<Retired> retired_;          // nothing leads to these any longer, or ever did
  absl::btree_set<uint32_t> left_pools_;  // some frontend has left these
  absl::Status shared_status_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_PUBLISHER_H_
