// SPDX-License-Identifier: Apache-2.0
// The Datapath over Tables: everything except loading and attaching programs. The same code runs on pinned BPF maps and
// on memory.
#ifndef SHUNT_DATAPATH_TABLE_DATAPATH_H_
#define SHUNT_DATAPATH_TABLE_DATAPATH_H_

#include <chrono>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "userspace/datapath/datapath.h"
#include "userspace/datapath/grace.h"
#include "userspace/datapath/refusals.h"
#include "userspace/datapath/tables.h"
#include "userspace/model/ip_address.h"

namespace shunt::datapath {

class Inspection;
struct Inventory;

// Not thread-safe.
class TableDatapath final : public Datapath {
 public:
  // Reads the tables back and continues from there: ids, slot runs and rows of an earlier agent stay as they are.
  // Invalid rows (ids out of range, a foreign key, an invalid name) are ignored; the first Apply repairs or removes
  // them. Writes nothing. If the tables hold anything, waits for one grace period, because a program may still be using
  // what the earlier agent unlinked last; continues without one if there are none on this host. Returns an error if a
  // table cannot be read or is not laid out as bpf/abi.h says. `grace` must outlive the datapath.
  static absl::StatusOr<std::unique_ptr<TableDatapath>> Open(Tables tables, GracePeriod& grace);
  ~TableDatapath() override;

  std::vector<ServiceFailure> Apply(absl::Span<const model::ServicePlan* const> plans, ApplyScope scope) override;
  // Returns kUnavailable if there are no grace periods on this host, or if rows of an earlier failure wait to be freed.
  Inspected Inspect(size_t rows, PlanOf plan_of) override;
  absl::StatusOr<Drift> Audit(absl::Span<const model::ServicePlan* const> plans,
                              absl::Span<const NodeAddress> addresses) override;
  // On an error, the addresses that could be published are published; every further Apply or Reclaim tries the others.
  absl::Status SetNodeAddresses(absl::Span<const NodeAddress> addresses) override;
  absl::Status GiveSignOfLife(std::chrono::milliseconds boot_time) override;
  void Reclaim() override;

  // Says from which sources packets are of clients inside the cluster; none until then. The next Apply, Reclaim or
  // Audit writes it. REQUIRES: sorted, each once, at most kInsideMax.
  void SetInside(std::vector<model::IpPrefix> ranges);
  // Tells readers of the maps after how long without a sign of life the programs in force translate nothing; 0: never.
  absl::Status SetStaleAfter(std::chrono::milliseconds stale_after);
  // Returns when the last sign of life was given, by this agent or an earlier one; 0: never.
  std::chrono::milliseconds LastSignOfLife() const;
  // Returns what Apply has noted since the last call.
  Removals TakeRemovals();
  const Tables& tables() const;

 private:
  class Application;

  TableDatapath(std::unique_ptr<Inventory> inventory, GracePeriod& grace);
  absl::Status FinishShared();
  absl::Status PublishShared();

  std::unique_ptr<Inventory> inventory_;
  Refusals refusals_;
  std::unique_ptr<Inspection> inspection_;  // of inventory_; null between two passes
  bool filter_repaired_ = false;  // the prefix filter has been compared with the inventory since the tables were read
  std::vector<model::IpPrefix> inside_;
  GracePeriod& grace_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TABLE_DATAPATH_H_
