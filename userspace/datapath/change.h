// SPDX-License-Identifier: Apache-2.0
// The difference between what one Service has in the kernel and what its plan says: ids taken, nothing written.
#ifndef SHUNT_DATAPATH_CHANGE_H_
#define SHUNT_DATAPATH_CHANGE_H_

#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "bpf/abi.h"
#include "userspace/datapath/published.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// A pool that gets another set.
struct PoolChange {
  const model::Pool* plan = nullptr;
  PoolState next;      // next.id is the pool's; its word names the new run
  bool fresh = false;  // a new pool: nothing names it yet. Else: published by one store of the word
  bool published = false;
};

// A ServicePort that the plan has.
struct PortChange {
  const model::PortPlan* plan = nullptr;
  uint32_t index = kNoId;
  bool fresh = false;                         // a new index
  absl::InlinedVector<uint32_t, 2> pool_ids;  // by index into plan->pools; kNoId: no frontend names it
  absl::InlinedVector<PoolChange, 1> pools;   // those that get another set
};

// A key that gets a row: a new key, or one whose row must say something else.
struct RowChange {
  shunt_frontend_row content = {};
  uint32_t row = kNoId;
  model::FrontendKind kind = model::FrontendKind::kClusterIp;
  uint32_t index_slot = FrontendIndex::kNoIndexSlot;
  uint32_t old_row = kNoId;                 // kNoId: the key is not in the index
  const ServiceState* old_owner = nullptr;  // of the old row
  model::FrontendKind old_kind = model::FrontendKind::kClusterIp;
  bool put = false;  // the index leads to the new row
};

struct Change {
  const model::ServicePlan* plan = nullptr;  // null: the Service is to have nothing
  ServiceState* state = nullptr;
  std::vector<PortChange> ports;
  std::vector<RowChange> rows;
  // Keys in the index that the Service has and its plan does not. Some may go to another Service in this Apply.
  std::vector<shunt_frontend_key> released;
  std::vector<const ServiceState*> takes_from;  // whose keys this one takes
  const ServiceState* waits_for = nullptr;      // was to take one of this one's keys, and did not
  absl::Status status;                          // a failure
  bool staged = false;                          // Stage was content with it
  bool abandoned = false;                       // given up before a frontend was put
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_CHANGE_H_
