// SPDX-License-Identifier: Apache-2.0
// The middle of the agent: turns what the sources delivered into plans, and has the datapath apply the plans. It owns
// the cluster store, the frontend claims and the retries. It has no thread, no clock and no I/O of its own: the loop
// gives it events and the time.
#ifndef SHUNT_AGENT_CONTROL_RECONCILER_H_
#define SHUNT_AGENT_CONTROL_RECONCILER_H_

#include <algorithm>
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
#include "userspace/agent/control/work_queue.h"
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
  // How much one step plans, by WorkCost; a Service that costs more has a step of its own.
  uint64_t step_cost_max = 10'000;
};

// What one step did.
struct StepOutcome {
  bool first = false;                              // it was the first Apply, of everything
  size_t planned = 0;                              // Services planned
  size_t applied = 0;                              // Services that the datapath took
  std::vector<datapath::ServiceFailure> failures;  // Services that it did not take; each will be retried
  std::vector<datapath::ServiceFailure> news;      // those that had not failed, or for another reason
  size_t postponed = 0;                            // Services that may fit soon, and wait for their turn again
  absl::Status node_addresses;                     // of the last try; if not OK, they will be retried
  std::vector<uint64_t> waiting;                   // deliveries of which something is not applied yet, in order
};

// Not thread-safe: the loop's thread owns it.
class Reconciler {
 public:
  // How long a Service that may fit soon has further turns before it counts as one that the datapath did not take: then
  // people see it, and what was delivered for it does not make the agent look stuck (report::kHealthTimeout).
  static constexpr std::chrono::seconds kPostponedMax{10};

  // `datapath` and `ledger` must outlive the reconciler.
  Reconciler(ReconcilerOptions options, datapath::Datapath& datapath, Ledger& ledger);

  // ---- what happened; it takes effect with the next Steps ----
  // `delivery` is a number that StepOutcome::waiting may name, higher than those before; 0 if it is not to be named.
  void Deliver(std::vector<sources::Event> events, uint64_t delivery = 0);
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

  // A change of this node puts all Services in the queue, in name order: the next kNodeTurn of them with each step.
  static constexpr size_t kNodeTurn = 512;

  // Plans what changed, with the retries that are due, and has the datapath apply it in one batch of about
  // options.step_cost_max; the rest waits for the next steps (work_queue.h). A Service that gives up a frontend and the
  // one that gets it are in one batch; if there are too many of these, they change hands a few at a time. Services that
  // the datapath does not take are retried after a delay that doubles, each with those that it exchanges frontends
  // with; if their objects change, the delay starts over. One that may fit soon, because rows wait for their grace
  // period, takes its place in the queue again, for at most kPostponedMax. Before every source is synced nothing is
  // applied; the first Apply covers everything.
  StepOutcome Step(SteadyTime now);

  // Compares the next part of the kernel's maps, about `rows` rows, with what is planned; see Datapath::Inspect.
  // Returns kDiffers before anything has been applied: Audit says why. Services that wait for a step, and those that
  // the datapath did not take, are passed over.
  datapath::Inspected Inspect(size_t rows);

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
    uint32_t failures = 0;
    SteadyTime due;                               // unless it is in the queue, because it may fit soon
    absl::btree_set<model::ObjectName> partners;  // only together with these can it succeed
  };
  // A change of this node, while Services are still to be put in the queue for it.
  struct NodeChange {
    std::optional<model::ObjectName> last;  // the Service that was looked at last
    std::vector<uint64_t> deliveries;       // in order
  };
  // What one step plans.
  struct Batch {
    absl::flat_hash_map<model::ObjectName, PlanPointer> plans;  // of those that differ from what the kernel holds
    absl::flat_hash_map<model::ObjectName, std::vector<uint64_t>> deliveries;  // of their items
    uint64_t left = 0;                                                         // of the cost that the step may have
    bool handed_over = false;              // another Service has won or lost a frontend
    std::vector<model::ObjectName> group;  // to be planned next, because a Service's plan needs it

    void Spend(uint64_t cost) { left -= std::min(left, cost); }
  };

  planner::NodeContext CurrentNode() const;
  // Sees which plans depend on what has changed of this node.
  void FollowNode();
  // Puts the next Services in the queue that are to be planned for the node's change.
  void EnqueueForNode();
  // Returns the deliveries of which something is not applied yet, in order.
  std::vector<uint64_t> DeliveriesWaiting() const;
  void ApplyNodeAddresses(SteadyTime now, StepOutcome& outcome);
  // As many of the Service's slices as a plan may have.
  std::vector<const model::EndpointSlice*> SlicesOf(const model::ObjectName& service) const;
  uint64_t CostOf(const model::ObjectName& service) const;
  void Enqueue(const model::ObjectName& service, bool changed, std::vector<uint64_t> deliveries);
  void EnqueueChanged(const std::vector<uint64_t>& deliveries);
  void EnqueueDueRetries(SteadyTime now);
  // Plans Services in their turn, with those that win or lose frontends by it, until the step has cost enough.
  void PlanWaiting(Batch& batch, StepOutcome& outcome);
  void Plan(WorkQueue::Item item, Batch& batch);
  // Enters the plan's claims as far as the step allows, and turns the plan into what can be applied by then.
  void Claim(const WorkQueue::Item& item, model::ServicePlan& plan, Batch& batch);
  void Apply(SteadyTime now, Batch& batch, StepOutcome& outcome);
  // Returns whether it is news.
  bool Fail(const datapath::ServiceFailure& failure, SteadyTime now, Batch& batch);
  void Schedule(const datapath::ServiceFailure& failure, SteadyTime now);
  bool MayBePostponed(const datapath::ServiceFailure& failure, SteadyTime now);
  // The Service has its place in the queue again, at the end of what its namespace has there.
  void Postpone(const datapath::ServiceFailure& failure, Batch& batch);
  // The Service needs no retry: it is applied, or its objects have changed.
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
  WorkQueue waiting_;
  std::optional<NodeChange> node_change_;
  std::vector<uint64_t> node_deliveries_;  // of this node's object, not seen by FollowNode yet
  bool changed_ = false;                   // something happened since the last step
  bool applied_all_ = false;

  std::vector<datapath::NodeAddress> local_addresses_;
  bool addresses_changed_ = false;
  absl::Status address_status_;  // of the last try
  uint32_t address_failures_ = 0;
  SteadyTime addresses_due_;

  absl::flat_hash_map<model::ObjectName, SteadyTime> postponed_since_;
  absl::flat_hash_map<model::ObjectName, Retry> retries_;
  absl::btree_set<std::pair<SteadyTime, model::ObjectName>> retry_order_;  // the same, by time; not those in the queue
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_RECONCILER_H_
