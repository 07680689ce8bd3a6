// SPDX-License-Identifier: Apache-2.0
// Turns plans into changes: finds what is there already, takes ids for what is not. Writes nothing to a table.
#ifndef SHUNT_DATAPATH_STAGER_H_
#define SHUNT_DATAPATH_STAGER_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "userspace/datapath/change.h"
#include "userspace/datapath/inventory.h"
#include "userspace/datapath/transfers.h"

namespace shunt::datapath {

class Stager {
 public:
  // Both must outlive the stager.
  Stager(Inventory& inventory, const Transfers& transfers) : inventory_(inventory), transfers_(transfers) {}

  // Fills `change`, whose plan and state are set. On an error nothing has been taken and the change is empty:
  //   kInvalidArgument     the plan contradicts itself
  //   kResourceExhausted   it does not fit; the message says what it needs and what there is
  //   kFailedPrecondition  another Service holds one of its frontends and does not give it up
  absl::Status Stage(Change& change);

 private:
  // A frontend of the plan beside what the index has under its key.
  struct Wanted {
    const model::Frontend* plan = nullptr;
    size_t port = 0;  // index into Change::ports
    shunt_frontend_key key = {};
    bool in_index = false;
    FrontendState old;
    shunt_frontend_row old_row = {};
    bool old_row_valid = false;  // it could be read, and is this key's
  };
  using WantedList = absl::InlinedVector<Wanted, 4>;

  absl::Status CollectWanted(Change& change, WantedList& wanted);
  absl::Status CollectPort(Change& change, const model::PortPlan& plan, WantedList& wanted);
  absl::Status LookUp(Change& change, Wanted& wanted);
  void StagePort(Change& change, size_t port_index, const WantedList& wanted, Need& need);
  void StagePool(PortChange& port, uint32_t pool_index, uint32_t pool_id, Need& need);
  void StageRow(Change& change, const Wanted& wanted, Need& need);
  void StageReleases(Change& change);
  bool LoadRow(uint32_t id, const shunt_frontend_key& key, shunt_frontend_row& row) const;

  Inventory& inventory_;
  const Transfers& transfers_;
  FrontendKeySet planned_;  // the keys of the plan that is being staged
  // The keys that are not in the index and that a change of this stager is to put there.
  absl::flat_hash_map<shunt_frontend_key, const ServiceState*, FrontendKeyHash, FrontendKeyEqual> claimed_;
};

// Whether applying the change would do anything at all.
bool IsNothing(const Change& change);

// Gives up what a staged change has taken and nothing published leads to. The things come out in `things`, for
// the quarantine if any of them was written, else to be taken back at once. REQUIRES: no row of it was put.
void Abandon(Inventory& inventory, Change& change, std::vector<Retired>& things);
// The same for one row.
void AbandonRow(Inventory& inventory, const ServiceState& state, const RowChange& row, std::vector<Retired>& things);
// Frees at once what has come out and was never written; leaves `things` empty.
void GiveBackAll(Allocator& allocator, std::vector<Retired>& things);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_STAGER_H_
