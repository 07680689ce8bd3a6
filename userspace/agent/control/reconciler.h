// SPDX-License-Identifier: Apache-2.0
// The middle of the agent: turns what the sources delivered into plans, and has the datapath apply the plans. It owns
// the cluster store, the frontend claims and the retries. It has no thread, no clock and no I/O of its own: the loop
// gives it events and the time.
#ifndef SHUNT_AGENT_CONTROL_RECONCILER_H_
#define SHUNT_AGENT_CONTROL_RECONCILER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/agent/control/backoff.h"
#include "userspace/agent/control/ledger.h"
#include "userspace/agent/settings/node_port_addresses.h"
#include "userspace/datapath/datapath.h"
#include "userspace/planner/frontend_claims.h"
#include "userspace/planner/planner.h"
#include "userspace/sources/cluster_store.h"
#include "userspace/sources/source.h"

namespace shunt::agent {

using SteadyTime = std::chrono::steady_clock::time_point;

struct ReconcilerOptions {
  std::string node_name;
  size_t sources = 1;         // how many must be synced before anything is applied
  bool expects_node = false;  // a source follows this node's object, so it has to be there
  NodePortAddresses node_port_addresses;
  planner::PlannerOptions planner;
  uint64_t jitter_seed = 0;
};

// What one step did.
struct StepOutcome {
  bool first = false;                              // it was the first Apply, of everything
  size_t planned = 0;                              // Services planned
  size_t applied = 0;                              // Services that the datapath took
  std::vector<datapath::ServiceFailure> failures;  // Services that it did not take; each will be retried
  absl::Status node_addresses;                     // if not OK, they will be retried
};

// Not thread-safe: the loop's thread owns it.
class Reconciler {
 public:
  // `datapath` and `ledger` must outlive the reconciler.
  Reconciler(ReconcilerOptions options, datapath::Datapath& datapath, Ledger& ledger);

  // ---- what happened; it takes effect with the next Step ----
  void Deliver(std::vector<sources::Event> events);
  // REQUIRES: source < options.sources. A second call for the same source has no effect.
  void Synced(size_t source);
  // The addresses of this node's interfaces, all of them.
  void SetLocalAddresses(std::vector<datapath::NodeAddress> addresses);

  bool synced() const { return unsynced_ == 0; }
  // This node's object, null if no source has delivered one. Valid until the next Deliver.
  const model::Node* this_node() const { return store_.ThisNode(); }
  // Returns what is wrong with this node's name, for people; "" if nothing is, or not every source is synced.
  std::string NodeProblem() const;
  // Returns the earliest time at which Step has something to do; nullopt if it has nothing until something happens.
  std::optional<SteadyTime> NextStep() const;

  // Plans what changed and has the datapath apply it in one batch, with the retries that are due. Services that
  // the datapath does not take are retried after a delay that doubles; if their objects change, the delay starts over.
  // Before every source is synced nothing is applied; the first Apply covers everything.
  StepOutcome Step(SteadyTime now);

  // Compares the kernel with everything that is planned, repairs it, and schedules a retry of each Service that cannot
  // be repaired now. Returns kFailedPrecondition if nothing has been applied yet; other errors are Datapath::Audit's.
  absl::StatusOr<datapath::Drift> Audit(SteadyTime now);

  // Returns this node's addresses on which NodePorts answer.
  std::vector<datapath::NodeAddress> NodePortAddressesNow() const;

  // Returns all objects in the cluster store, for a reader in another thread.
  sources::ClusterView View() const { return store_.View(); }

 private:
  using PlanPointer = std::shared_ptr<const model::ServicePlan>;
  // A Service that the datapath did not take.
  struct Retry {
    PlanPointer plan;
    uint32_t failures = 0;
    SteadyTime due;
  };
  using Batch = absl::flat_hash_map<model::ObjectName, PlanPointer>;

  planner::NodeContext CurrentNode() const;
  // Marks the Services whose plans depend on what has changed of this node.
  void FollowNode();
  void ApplyNodeAddresses(SteadyTime now, StepOutcome& outcome);
  // Plans the changed Services, then those that lost or won frontends by it, until none is left.
  void PlanChanged(Batch& batch, StepOutcome& outcome);
  void Plan(const model::ObjectName& service, Batch& batch);
  void AddDueRetries(SteadyTime now, Batch& batch);
  void Apply(SteadyTime now, Batch& batch, StepOutcome& outcome);
  void Schedule(const model::ObjectName& service, PlanPointer plan, SteadyTime now);
  void Forget(const model::ObjectName& service);

  const ReconcilerOptions options_;
  datapath::Datapath& datapath_;
  Ledger& ledger_;
  Backoff backoff_;

  sources::ClusterStore store_;
  planner::FrontendClaims claims_;
  planner::NodeContext node_;
  std::vector<bool> source_synced_;
  size_t unsynced_;
  bool changed_ = false;  // something happened since the last step
  bool applied_all_ = false;

  std::vector<datapath::NodeAddress> local_addresses_;
  bool addresses_changed_ = false;
  uint32_t address_failures_ = 0;
  SteadyTime addresses_due_;

  absl::flat_hash_map<model::ObjectName, Retry> retries_;
  absl::btree_set<std::pair<SteadyTime, model::ObjectName>> retry_order_;  // the same, by time
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_RECONCILER_H_
