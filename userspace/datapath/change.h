// SPDX-License-Identifier: Apache-2.0
// The difference between what one Service has in the tables and what its plan says, and how far it has come.
#ifndef SHUNT_DATAPATH_CHANGE_H_
#define SHUNT_DATAPATH_CHANGE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "bpf/abi.h"
#include "userspace/datapath/address_book.h"
#include "userspace/datapath/allocator.h"
#include "userspace/datapath/published.h"
#include "userspace/datapath/reservation.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// One Service that an Apply works on.
struct Request {
  const model::ServicePlan* plan = nullptr;  // null if the Service is to have nothing
  ServiceState* state = nullptr;
};

// A pool that gets another set.
struct PoolChange {
  const model::Pool* plan = nullptr;
  uint32_t id = kNoId;
  uint64_t word = 0;    // names the run of `set`
  bool is_new = false;  // no row names the pool yet. Otherwise one store of the word publishes the set
  Reserved<Allocator, PoolId> new_id;
  Reserved<Allocator, BackendSet> set;
};

// A ServicePort of the plan.
struct PortChange {
  const model::PortPlan* plan = nullptr;
  uint32_t index = kNoId;
  bool is_new = false;
  absl::InlinedVector<uint32_t, 2> pool_ids;  // by index into plan->pools; kNoId if no frontend names the pool
  absl::InlinedVector<PoolChange, 1> pools;   // those that get another set
  Reserved<Allocator, ServicePortIndex> new_index;
};

// A key that gets another row: a new key, or one whose row must say something else.
struct FrontendChange {
  shunt_frontend_row content = {};
  model::FrontendKind kind = model::FrontendKind::kClusterIp;
  uint32_t old_row = kNoId;  // kNoId if the key is not in the index
  uint32_t index_slot = FrontendIndex::kNoIndexSlot;
  Reserved<Allocator, FrontendRow> row;
  Reserved<Allocator, SourceList> list;  // nothing if every client may dial it
  Reserved<Allocator, IndexSlot> new_index_slot;
  Reserved<AddressBook, FrontendCount> count;

  bool is_new() const { return old_row == kNoId; }
  // Nothing leads to the row: gives back what is held. The row itself may be written, so it goes to `retired`.
  void Retire(std::vector<Retired>& retired);
};

// Holds what it has taken, and gives it back when it fails or is destroyed.
//
//   kStaged ---BeginWriting---> kWritten ---BeginPublishing---> kPublished
//      | Fail                      | Fail                          | Fail
//      v                           v                               v
//   kRefused                    kAbandoned                      kPublished, with a status that is not OK
class Change {
 public:
  enum class Stage : uint8_t {
    kStaged,     // its resources are taken and nothing of it is written
    kWritten,    // it may be written, wholly or in part, where no program looks
    kPublished,  // programs may have come to see it, frontend by frontend. What fails now leaves the rest published
    kRefused,    // it failed while nothing was written: its resources are free again
    kAbandoned,  // it failed in steps 1 to 3: its rows, ids and sets are retired, except sets that step 3 has published
  };

  // The plan and the state must outlive the change.
  explicit Change(const Request& request) : request_(request) {}

  // ---- transitions ----
  // From now on a failure sends the resources to `retired`, which must live until the change is published or has
  // failed. REQUIRES: kStaged.
  void BeginWriting(std::vector<Retired>& retired);
  // REQUIRES: kWritten.
  void BeginPublishing();
  // Notes the failure and leaves the stage as drawn above. What is held is freed if nothing of it was written, and
  // retired otherwise; index slots and address counts are always free at once. A later failure replaces the status.
  // REQUIRES: not OK.
  void Fail(absl::Status status);
  // Drops the content; reservations that are still held give themselves back. A Fail has to follow at once.
  void GiveBack();
  // Notes that this Service gives up a frontend that `taker` could not take. It fails by that, unless it has failed
  // already: then its own failure stays its status.
  void FailForTaker(const ServiceState& taker, absl::Status status);

  Stage stage() const { return stage_; }
  // Why it failed; OK until then.
  const absl::Status& status() const { return status_; }
  bool ok() const { return status_.ok(); }
  // The takers of every FailForTaker. If one of them was refused, TableDatapath stages this change once more.
  const std::vector<const ServiceState*>& waits_for() const { return waits_for_; }

  const Request& request() const { return request_; }
  const model::ServicePlan* plan() const { return request_.plan; }
  ServiceState& service() const { return *request_.state; }

  // ---- content ----
  // The stager fills it, the publisher takes it over into the record; it is empty once refused or abandoned.
  std::vector<PortChange>& ports() { return ports_; }
  std::vector<FrontendChange>& frontends() { return frontends_; }
  // The keys in the index that the Service has and its plan does not. Some may go to another Service in this Apply.
  std::vector<Reserved<AddressBook, FrontendCount>>& released() { return released_; }
  // The Services from which this one takes a frontend. A failure does not change them.
  std::vector<const ServiceState*>& takes_from() { return takes_from_; }
  // Returns true if publishing it would change nothing for its Service.
  bool IsEmpty() const;

 private:
  Request request_;
  Stage stage_ = Stage::kStaged;
  absl::Status status_;
  std::vector<PortChange> ports_;
  std::vector<FrontendChange> frontends_;
  std::vector<Reserved<AddressBook, FrontendCount>> released_;
  std::vector<const ServiceState*> takes_from_;
  std::vector<const ServiceState*> waits_for_;
  std::vector<Retired>* retired_ = nullptr;
};

// Changes that are published together.
using Changes = std::vector<std::unique_ptr<Change>>;

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_CHANGE_H_
