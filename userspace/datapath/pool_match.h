// SPDX-License-Identifier: Apache-2.0
// Which published pool becomes a pool of a plan by one store of its word, and when the plan needs a new pool.
#ifndef SHUNT_DATAPATH_POOL_MATCH_H_
#define SHUNT_DATAPATH_POOL_MATCH_H_

#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "userspace/datapath/allocator.h"
#include "userspace/datapath/published.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// Returns whether the tables hold exactly the set of `plan` under this pool.
bool HoldsSet(const Allocator& allocator, const PoolState& state, const model::Pool& plan);

// Matches the pools of one PortPlan to the published pools of the same ServicePort.
//
// At every instant a frontend must find its old set or its new one, and nothing else. So a pool's word may change only
// if every frontend that reads it is to have the new set. A frontend whose row will be replaced, so that it leaves the
// pool, may read the old pool until then. So that pool keeps its set, and the frontends that would stay move to a new
// pool too.
class PoolMatch {
 public:
  struct Result {
    uint32_t pool_id = kNoId;  // kNoId if a new pool is needed
    bool unchanged = false;    // the pool holds the set already
  };

  // Both must outlive the match.
  PoolMatch(const Allocator& allocator, const PortState& published) : allocator_(allocator), published_(published) {}

  // Adds a frontend that stays with this ServicePort: its row names `pool_id`, where the plan has
  // plan.pools[pool_index].
  void AddStaying(uint32_t pool_id, uint32_t pool_index);
  // Adds a frontend that goes to another ServicePort: it reads this pool until its row is replaced.
  void AddLeaving(uint32_t pool_id);

  // To be called for one index of the PortPlan's pools after another. Gives no pool twice.
  Result Match(uint32_t pool_index, const model::Pool& plan);

 private:
  struct Reader {
    uint32_t pool_id;
    uint32_t pool_index;  // kNoId if it leaves

    friend bool operator==(const Reader&, const Reader&) = default;
  };
  const PoolState* FindFree(uint32_t pool_id) const;
  bool MayChange(uint32_t pool_id, uint32_t pool_index) const;

  const Allocator& allocator_;
  const PortState& published_;
  absl::InlinedVector<Reader, 8> readers_;
  absl::InlinedVector<uint32_t, 2> given_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_POOL_MATCH_H_
