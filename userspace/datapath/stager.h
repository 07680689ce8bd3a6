// SPDX-License-Identifier: Apache-2.0
// Turns plans into changes: compares a plan with the record of what is published, and takes the resources that it
// needs.
#ifndef SHUNT_DATAPATH_STAGER_H_
#define SHUNT_DATAPATH_STAGER_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "bpf/abi.h"
#include "userspace/datapath/address_book.h"
#include "userspace/datapath/allocator.h"
#include "userspace/datapath/change.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/published.h"
#include "userspace/datapath/transfers.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// Reads the tables and the record, and writes neither. It takes resources from the allocator and counts frontends in
// the address book; both are undone by the change if it fails or is destroyed. Not thread-safe.
class Stager {
 public:
  // All must outlive the stager and its changes, and nothing may be published as long as the stager is used.
  Stager(const Published& published, Allocator& allocator, AddressBook& addresses, const Transfers& transfers)
      : published_(published), allocator_(allocator), addresses_(addresses), transfers_(transfers) {}

  // Returns a change that is staged, or one that is refused and has taken nothing. It is refused with
  //   kInvalidArgument     if the plan contradicts itself
  //   kResourceExhausted   if it does not fit; the message says what it needs and what is free
  //   kFailedPrecondition  if another Service has one of its frontends, or is about to get it, and does not give it up
  std::unique_ptr<Change> Stage(const Request& request);

 private:
  // A frontend of the plan beside what the index has under its key.
  struct Wanted {
    const model::Frontend* plan = nullptr;
    size_t port = 0;  // index into Change::ports
    shunt_frontend_key key = {};
    bool in_index = false;
    FrontendState old;
    shunt_frontend_row old_row = {};
    bool old_row_valid = false;  // it could be read, and it is this key's
  };
  using WantedList = absl::InlinedVector<Wanted, 4>;

  absl::Status CollectWanted(Change& change, WantedList& wanted);
  absl::Status CollectPort(Change& change, const model::PortPlan& plan, WantedList& wanted);
  absl::Status LookUp(Change& change, Wanted& wanted) const;
  void StagePort(Change& change, size_t port_index, const WantedList& wanted, Need& need);
  void StagePools(const Change& change, size_t port_index, PortChange& port, const WantedList& wanted, Need& need);
  void StagePool(PortChange& port, uint32_t pool_index, uint32_t pool_id, Need& need);
  void StageFrontend(Change& change, const Wanted& wanted, Need& need);
  bool KeepsList(const Wanted& one) const;
  void StageReleases(Change& change);
  bool LoadRow(uint32_t id, const shunt_frontend_key& key, shunt_frontend_row& row) const;

  const Published& published_;
  Allocator& allocator_;
  AddressBook& addresses_;
  const Transfers& transfers_;
  FrontendKeySet planned_;  // the keys of the plan that is being staged
  // The keys that are not in the index and that a change of this stager is to put there.
  absl::flat_hash_map<shunt_frontend_key, const ServiceState*, FrontendKeyHash, FrontendKeyEqual> claimed_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_STAGER_H_
