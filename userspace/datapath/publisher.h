// SPDX-License-Identifier: Apache-2.0
// The update protocol: in which order staged changes are written, so that every program run that reads
// meanwhile finds the old set or the new one.
#ifndef SHUNT_DATAPATH_PUBLISHER_H_
#define SHUNT_DATAPATH_PUBLISHER_H_

#include <vector>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "userspace/datapath/change.h"
#include "userspace/datapath/inventory.h"
#include "userspace/datapath/transfers.h"

namespace shunt::datapath {

class Publisher {
 public:
  // `given_up`: Services that take no frontends after all, because their plans do not fit. All must outlive the
  // publisher.
  Publisher(Inventory& inventory, const Transfers& transfers, const ServiceSet& given_up)
      : inventory_(inventory), transfers_(transfers), given_up_(given_up) {}

  // Publishes all staged changes whose status is OK, and everything that the address book has to change. A
  // failure goes into the status of its change: then every frontend of that Service has its old set or its
  // new one, the inventory says which, and staging the same plan again completes it.
  void Publish(absl::Span<Change* const> changes);

  // The last failure of something that belongs to no single Service: address rows, filter bits that are to
  // go. Each of them is tried again by every Publish.
  const absl::Status& shared_status() const { return shared_status_; }

 private:
  absl::Status WriteUnnamed(Change& change);
  absl::Status WritePool(const PoolChange& pool);
  absl::Status WriteServicePort(const Change& change, const PortChange& port);
  void FailTakers(absl::Span<Change* const> changes);
  void Fail(Change& change, absl::Status status);

  void PublishAddresses(AddressBook::Turn turn, absl::Span<Change* const> changes);
  void BlameForAddress(const model::IpAddress& address, const absl::Status& status, absl::Span<Change* const> changes);
  void RemoveReleased(Change& change);
  bool IsTaken(const shunt_frontend_key& key) const;
  void PublishPools(Change& change);
  void InsertFrontends(Change& change);
  void SettleFrontends(Change& change);
  void SettlePorts(Change& change);
  void RetirePort(PortState& port, Change& change);
  void RetirePool(PoolState& pool, Change& change);
  // A frontend no longer has this row, but `next`, if that is not null.
  void LeavePools(uint32_t row_id, const shunt_frontend_row* next);
  void RenewProofs();
  void RetireRow(uint32_t row);
  void RetireSet(BackendSet set);

  Inventory& inventory_;
  const Transfers& transfers_;
  const ServiceSet& given_up_;
  std::vector<Retired> things_;           // unlinked, or never linked: for the quarantine
  absl::btree_set<uint32_t> left_pools_;  // some frontend led there and does not any more
  absl::Status shared_status_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_PUBLISHER_H_
