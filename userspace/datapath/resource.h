// SPDX-License-Identifier: Apache-2.0
// The resources that Services take in the tables. A resource is free (Allocator), reserved by a staged change
// (Reserved), published (Published), or retired and waiting for its grace period (Quarantine).
#ifndef SHUNT_DATAPATH_RESOURCE_H_
#define SHUNT_DATAPATH_RESOURCE_H_

#include <cstdint>
#include <variant>
#include <vector>

#include "userspace/datapath/frontend_index.h"
#include "userspace/datapath/id_pool.h"
#include "userspace/datapath/slot_runs.h"

namespace shunt::datapath {

struct FrontendRow {
  uint32_t id = kNoId;
};

// A position in the frontend index.
struct IndexSlot {
  uint32_t number = FrontendIndex::kNoIndexSlot;
};

struct PoolId {
  uint32_t id = kNoId;
};

struct ServicePortIndex {
  uint32_t index = kNoId;
};

// A pool's set as it lies in the tables. Both fields are empty for a pool without members.
struct BackendSet {
  SlotRun run;
  std::vector<uint32_t> members;  // backend ids, one per slot; the set holds one reference to each

  bool empty() const { return run.count == 0 && members.empty(); }
};

// One reference to a list of source ranges, as the row of a frontend holds it.
struct SourceList {
  uint32_t id = 0;      // as in shunt_frontend_row: 0 is no list
  uint32_t ranges = 0;  // how many it has
};

// The validity stamp (generation) in the word of a pool that stays in use. It is retired when a frontend leaves the
// pool: sockets that remember the stamp must look their destination up again.
struct ValidityStamp {
  uint32_t pool = kNoId;
};

// A resource that nothing leads to any longer, while a program may still be using it.
using Retired = std::variant<FrontendRow, PoolId, ServicePortIndex, BackendSet, SourceList, ValidityStamp>;

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_RESOURCE_H_
