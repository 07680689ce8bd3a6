// SPDX-License-Identifier: Apache-2.0
// Which published pool a pool of a plan may become by one store of its word, and when it must be a new one.
#ifndef SHUNT_DATAPATH_POOL_MATCH_H_
#define SHUNT_DATAPATH_POOL_MATCH_H_

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "userspace/datapath/inventory.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// Whether the tables hold exactly this set under this pool.
bool HoldsSet(const Inventory& inventory, const PoolState& state, const model::Pool& plan);

// Matches the pools of one PortPlan to the published pools of the same ServicePort.
//
// A frontend must find its old set or its new one, nothing else, at every instant. A pool's word may therefore
// change only if everybody who reads it is to have the new set: everybody who stays. If a frontend leaves a
// pool for another one by having its row replaced, it may still read the old pool until then; so that pool
// keeps its set, and the others move away too, to a new pool.
class PoolMatch {
 public:
  PoolMatch(const Inventory& inventory, const PortState& published) : inventory_(inventory), published_(published) {}

  // A frontend that stays with this ServicePort: its row names `pool_id`, in the plan that place is
  // plan.pools[pool_index].
  void AddStaying(uint32_t pool_id, uint32_t pool_index);
  // A frontend that goes to another ServicePort reads this pool until its row is replaced.
  void AddLeaving(uint32_t pool_id);

  struct Result {
    uint32_t pool_id = kNoId;  // kNoId: a new pool is needed
    bool unchanged = false;    // holds the set already
  };
  // For one index after another; gives no pool twice.
  Result Match(uint32_t pool_index, const model::Pool& plan);

 private:
  struct Reader {
    uint32_t pool_id;
    uint32_t pool_index;  // kNoId: leaving

    friend bool operator==(const Reader&, const Reader&) = default;
  };
  const PoolState* FindFree(uint32_t pool_id) const;
  bool MayChange(uint32_t pool_id, uint32_t pool_index) const;

  const Inventory& inventory_;
  const PortState& published_;
  absl::InlinedVector<Reader, 8> readers_;
  absl::InlinedVector<uint32_t, 2> given_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_POOL_MATCH_H_
