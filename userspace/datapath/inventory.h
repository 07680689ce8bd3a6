// SPDX-License-Identifier: Apache-2.0
// What stands in the tables, and whose it is: the agent's own record of everything it has published. Changed
// only after the write that it records, so it stays true whatever write fails.
#ifndef SHUNT_DATAPATH_INVENTORY_H_
#define SHUNT_DATAPATH_INVENTORY_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "userspace/datapath/address_book.h"
#include "userspace/datapath/backend_registry.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/datapath.h"
#include "userspace/datapath/frontend_room.h"
#include "userspace/datapath/id_pool.h"
#include "userspace/datapath/prefix_filter.h"
#include "userspace/datapath/quarantine.h"
#include "userspace/datapath/slot_runs.h"
#include "userspace/datapath/tables.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// A published pool. The word's generation may be older than the table's (RenewProof). `run` and `members` belong
// together; both are empty for a pool without members, and for one that an earlier agent left in a senseless state.
struct PoolState {
  uint32_t id = kNoId;
  uint64_t word = 0;
  SlotRun run;
  std::vector<uint32_t> members;  // backend ids, one a slot
};

// One ServicePort in one family, as published.
struct PortState {
  std::string name;
  uint16_t port = 0;
  model::Protocol protocol = model::Protocol::kTcp;
  model::IpFamily family = model::IpFamily::kV4;
  uint32_t index = kNoId;  // in service_ports
  absl::InlinedVector<PoolState, 1> pools;

  bool Is(const model::PortPlan& plan) const {
    return port == plan.port && protocol == plan.protocol && family == plan.family && name == plan.name;
  }
};

struct Change;

struct ServiceState {
  model::ObjectName name;  // empty for rows of no Service: see Inventory::nobody
  std::vector<PortState> ports;
  std::vector<shunt_frontend_key> frontends;  // keys in the index whose row is of one of these ports
  Change* change = nullptr;                   // the one in hand, while an Apply works on it
};

// A key in the index.
struct FrontendState {
  uint32_t row = kNoId;
  uint32_t service_port = kNoId;
  uint32_t place = FrontendIndex::kNoIndexSlot;
  model::FrontendKind kind = model::FrontendKind::kClusterIp;
};

using FrontendKeySet = absl::flat_hash_set<shunt_frontend_key, FrontendKeyHash, FrontendKeyEqual>;
using FrontendMap = absl::flat_hash_map<shunt_frontend_key, FrontendState, FrontendKeyHash, FrontendKeyEqual>;

struct Inventory {
  // Of empty tables: see Adopt. `index_seed` is meta's.
  Inventory(std::shared_ptr<Tables> tables_in, uint64_t index_seed, GracePeriod& grace);

  // Gives the pool's word another generation, if it is in use, so that whoever remembers it looks its destination up
  // anew: a frontend has left the pool, and other frontends keep it. Done at once, and again after a grace period for
  // those who had the old row in hand and have remembered the renewed word.
  absl::Status RenewProof(uint32_t pool);
  // Gives one thing back to those who hand it out; `written`: after marking its row free in the table.
  // On an error the rest of the thing is still in `thing`.
  absl::Status TakeBack(Retired& thing, bool written);
  // Things of which nothing was ever written.
  void TakeBackUnwritten(std::vector<Retired>& things);
  // Things whose grace period has passed. Returns how many.
  size_t Reclaim(size_t limit);
  // Waits for the grace period of everything in quarantine and reclaims it. False: there was nothing to be had.
  bool MakeRoom();

  // A fresh one for every publication; never 0 in a pool word's bits.
  uint32_t NextGeneration();
  // Says in meta which generations are used up. Before a word with one of them is stored.
  absl::Status WriteGeneration();
  ServiceState& StateOf(const model::ObjectName& service);
  // Room for all that these plans name, before it grows step by step.
  void Reserve(absl::Span<const model::ServicePlan* const> plans);

  const std::shared_ptr<Tables> shared_tables;  // an audit reads them while this record is still in force
  Tables& tables;
  IdPool service_ports;
  IdPool pools;
  SlotRuns slots;
  BackendRegistry backends;
  FrontendRoom room;
  PrefixFilter filter;
  AddressBook addresses;
  Quarantine quarantine;

  FrontendMap frontends;
  absl::flat_hash_map<model::ObjectName, std::unique_ptr<ServiceState>> services;
  std::vector<ServiceState*> owners;  // by service port index; null: free or in quarantine
  ServiceState* nobody = nullptr;     // in `services`: rows that work but name no Service; removed by the next Apply
  uint64_t generation = 0;            // the last one given out, unwrapped
  uint64_t written_generation = 0;    // what meta says of it
  Removals removals;                  // published and not yet told
  bool repair_filter = false;         // the filter was read back and has not been checked since
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_INVENTORY_H_
