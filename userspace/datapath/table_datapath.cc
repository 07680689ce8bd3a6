// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/table_datapath.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "userspace/datapath/adoption.h"
#include "userspace/datapath/change.h"
#include "userspace/datapath/inventory.h"
#include "userspace/datapath/publisher.h"
#include "userspace/datapath/stager.h"
#include "userspace/datapath/transfers.h"

namespace shunt::datapath {
namespace {

// How many changes are staged at a time. Bounds memory; it orders nothing, because Services are independent
// unless frontends go from one to another: then all are staged together.
constexpr size_t kChangesMax = 4096;

// How many things one Apply takes back from the quarantine. An Apply that needs more waits for all.
constexpr size_t kReclaimMax = 4096;

// Every round either applies something or gives up; a few are enough even when Services wait for one another.
constexpr int kRoundsMax = 8;

// Reserves memory for everything that these plans name.
void ReserveFor(absl::Span<const model::ServicePlan* const> plans, Inventory& inventory) {
  size_t keys = 0, members = 0;
  for (const model::ServicePlan* plan : plans) {
    for (const model::PortPlan& port : plan->ports) {
      keys += port.frontends.size();
      for (const model::Pool& pool : port.pools) members += pool.members.size();
    }
  }
  inventory.published.frontends.reserve(keys);
  inventory.addresses.Reserve(keys);
  inventory.allocator.backends().Reserve(members);
  inventory.published.services.reserve(plans.size());
}

}  // namespace

// One call of Apply.
class TableDatapath::Application {
 public:
  explicit Application(Inventory& inventory) : inventory_(inventory) {}

  std::vector<ServiceFailure> Run(absl::Span<const model::ServicePlan* const> plans, ApplyScope scope);
  // The Services that Run found to differ from their plan; an empty name stands for rows of no Service.
  const absl::flat_hash_set<model::ObjectName>& differed() const { return differed_; }

 private:
  std::vector<Request> CollectRequests(absl::Span<const model::ServicePlan* const> plans, ApplyScope scope);
  void Round(const std::vector<Request>& requests, const Transfers& transfers);
  void ApplyChunk(absl::Span<const Request> requests, const Transfers& transfers);
  std::vector<std::unique_ptr<Change>> StageAll(absl::Span<const Request> requests, const Transfers& transfers);
  void Forget(absl::Span<const Request> requests);

  Inventory& inventory_;
  std::vector<ServiceFailure> failures_;
  // Of the last round: who may fare better in another one, and why they failed.
  std::vector<Request> deferred_;
  std::vector<ServiceFailure> deferred_failures_;
  absl::flat_hash_set<model::ObjectName> differed_;
  ServiceSet given_up_;       // takes no frontends: the plan does not fit, or contradicts itself
  bool giver_waits_ = false;  // in the last round, for a Service that could not be staged
};

std::vector<ServiceFailure> TableDatapath::Application::Run(absl::Span<const model::ServicePlan* const> plans,
                                                            ApplyScope scope) {
  inventory_.allocator.Reclaim(kReclaimMax);
  const std::vector<Request> requests = CollectRequests(plans, scope);
  const Transfers transfers(requests);
  Round(requests, transfers);
  // What did not fit may fit into what the round has given up, a grace period later.
  for (int rounds = 1; rounds < kRoundsMax && !deferred_.empty() && inventory_.allocator.WaitAndReclaim(); ++rounds) {
    Round(std::exchange(deferred_, {}), transfers);
  }
  if (giver_waits_) {  // in vain
    for (size_t i = 0; i < deferred_.size(); ++i) {
      if (absl::IsResourceExhausted(deferred_failures_[i].status)) given_up_.insert(deferred_[i].state);
    }
    Round(std::exchange(deferred_, {}), transfers);
  }
  Forget(requests);
  std::move(deferred_failures_.begin(), deferred_failures_.end(), std::back_inserter(failures_));
  return std::move(failures_);
}

std::vector<Request> TableDatapath::Application::CollectRequests(absl::Span<const model::ServicePlan* const> plans,
                                                                 ApplyScope scope) {
  std::vector<Request> requests;
  absl::flat_hash_set<const ServiceState*> named;
  requests.reserve(plans.size());
  named.reserve(plans.size());
  if (scope == ApplyScope::kAll) ReserveFor(plans, inventory_);
  // Removals first: they make room.
  for (const bool removals : {true, false}) {
    for (const model::ServicePlan* plan : plans) {
      if (plan->ports.empty() != removals) continue;
      if (removals && !inventory_.published.services.contains(plan->service)) continue;
      ServiceState& state = inventory_.published.StateOf(plan->service);
      if (named.insert(&state).second) {
        requests.push_back({.plan = plan, .state = &state});
      } else {
        failures_.push_back({.service = plan->service,
                             .status = absl::InvalidArgumentError(absl::StrCat(
                                 "apply Service ", plan->service.ToString(), ": two plans in one Apply"))});
      }
    }
    if (!removals) break;
    if (scope == ApplyScope::kAll) {
      for (const auto& [name, state] : inventory_.published.services)
        requests.push_back({.plan = nullptr, .state = state.get()});
    } else if (inventory_.published.unnamed != nullptr) {
      requests.push_back({.plan = nullptr, .state = inventory_.published.unnamed});
    }
  }
  // Those that have a plan are not removed after all.
  std::erase_if(requests,
                [&](const Request& request) { return request.plan == nullptr && named.contains(request.state); });
  return requests;
}

void TableDatapath::Application::Round(const std::vector<Request>& requests, const Transfers& transfers) {
  deferred_failures_.clear();
  giver_waits_ = false;
  const size_t chunk = transfers.empty() ? kChangesMax : std::max<size_t>(requests.size(), 1);
  size_t begin = 0;
  do {  // once even without requests: shared things may be left to do
    ApplyChunk(absl::MakeConstSpan(requests).subspan(begin, chunk), transfers);
    begin += chunk;
  } while (begin < requests.size());
}

void TableDatapath::Application::ApplyChunk(absl::Span<const Request> requests, const Transfers& transfers) {
  std::vector<std::unique_ptr<Change>> changes = StageAll(requests, transfers);
  std::vector<Change*> staged;
  for (const std::unique_ptr<Change>& change : changes) staged.push_back(change.get());
  Publisher(inventory_, transfers, given_up_).Publish(staged);
  for (const Change* change : staged) {
    if (change->status.ok()) continue;
    const Change* const taker = change->waits_for == nullptr ? nullptr : change->waits_for->change;
    const bool waits = taker != nullptr && !taker->staged;
    giver_waits_ |= waits;
    // What failed in writing is the caller's to try again.
    const bool may_fare_better = waits || (!change->staged && !absl::IsInvalidArgument(change->status));
    if (may_fare_better) deferred_.push_back({.plan = change->plan, .state = change->state});
    (may_fare_better ? deferred_failures_ : failures_)
        .push_back({.service = change->state->name, .status = change->status});
  }
  for (const Change* change : staged) change->state->change = nullptr;
}

// Changes that would do nothing are left out.
std::vector<std::unique_ptr<Change>> TableDatapath::Application::StageAll(absl::Span<const Request> requests,
                                                                          const Transfers& transfers) {
  Stager stager(inventory_, transfers);
  std::vector<std::unique_ptr<Change>> changes;
  changes.reserve(requests.size());
  for (const Request& request : requests) {
    auto change = std::make_unique<Change>();
    change->plan = request.plan;
    change->state = request.state;
    change->status = stager.Stage(*change);
    change->staged = change->status.ok();
    change->abandoned = !change->staged;
    if (absl::IsInvalidArgument(change->status)) given_up_.insert(change->state);
    const bool differs = change->staged && !IsNothing(*change);
    if (differs) differed_.insert(change->state->name);
    // With an address row still to be published, a Service without changes may have to hear of its failure.
    if (change->staged && !differs && inventory_.addresses.changes() == 0) continue;
    request.state->change = change.get();
    changes.push_back(std::move(change));
  }
  // Who takes a frontend from a Service that stays as it is cannot have it.
  const auto keeps_all = [](const ServiceState* giver) { return giver->change == nullptr || !giver->change->staged; };
  for (bool again = !transfers.empty(); again;) {
    again = false;
    for (const std::unique_ptr<Change>& change : changes) {
      const auto giver = std::find_if(change->takes_from.begin(), change->takes_from.end(), keeps_all);
      if (!change->staged || giver == change->takes_from.end()) continue;
      change->status = absl::FailedPreconditionError(
          absl::StrCat("apply Service ", change->state->name.ToString(), ": takes a frontend of Service ",
                       (*giver)->name.ToString(), ", which could not be applied"));
      change->staged = false;
      std::vector<Retired> things;
      Abandon(inventory_, *change, things);
      GiveBackAll(inventory_.allocator, things);
      again = true;
    }
  }
  return changes;
}

// A Service that has nothing needs no record.
void TableDatapath::Application::Forget(absl::Span<const Request> requests) {
  for (const Request& request : requests) {
    if (!request.state->ports.empty() || !request.state->frontends.empty()) continue;
    if (request.state == inventory_.published.unnamed) inventory_.published.unnamed = nullptr;
    inventory_.published.services.erase(request.state->name);
  }
}

TableDatapath::TableDatapath(std::unique_ptr<Inventory> inventory, GracePeriod& grace)
    : inventory_(std::move(inventory)), grace_(grace) {}

TableDatapath::~TableDatapath() = default;

absl::StatusOr<std::unique_ptr<TableDatapath>> TableDatapath::Open(Tables tables, GracePeriod& grace) {
  absl::StatusOr<std::unique_ptr<Inventory>> inventory = Adopt(std::make_shared<Tables>(std::move(tables)), grace);
  if (!inventory.ok()) return inventory.status();
  return std::unique_ptr<TableDatapath>(new TableDatapath(*std::move(inventory), grace));
}

std::vector<ServiceFailure> TableDatapath::Apply(absl::Span<const model::ServicePlan* const> plans, ApplyScope scope) {
  if (absl::Status status = FinishShared(); !status.ok()) {
    std::vector<ServiceFailure> failures;
    for (const model::ServicePlan* plan : plans) failures.push_back({.service = plan->service, .status = status});
    return failures;
  }
  return Application(*inventory_).Run(plans, scope);
}

absl::StatusOr<Drift> TableDatapath::Audit(absl::Span<const model::ServicePlan* const> plans,
                                           absl::Span<const NodeAddress> addresses) {
  // Adoption takes what nothing leads to for free; what waits for its grace period is not.
  inventory_->allocator.WaitAndReclaim();
  if (!inventory_->allocator.quarantine().empty()) {
    return absl::UnavailableError("audit the maps: rows of an earlier change wait for their grace period: try again");
  }
  absl::StatusOr<std::unique_ptr<Inventory>> found = Adopt(inventory_->shared_tables, grace_);
  if (!found.ok()) return found.status();
  (*found)->published.removals = inventory_->published.removals;
  inventory_ = *std::move(found);
  filter_repaired_ = false;

  Drift drift;
  // In quarantine is what was marked used and nothing leads to.
  drift.shared =
      static_cast<uint32_t>(inventory_->allocator.index().wrong() + inventory_->allocator.quarantine().size());
  if (absl::Status status = FinishShared(); !status.ok()) return status;
  drift.shared += inventory_->filter.repaired();
  Need need;
  inventory_->addresses.SetNodeAddresses(addresses, need);
  drift.shared += static_cast<uint32_t>(inventory_->addresses.changes());
  absl::Status shared = PublishShared();
  if (absl::IsResourceExhausted(shared) && inventory_->allocator.WaitAndReclaim()) shared = PublishShared();
  // An address without room for its row is tried again with every Apply; the Services are repaired all the same.
  if (!shared.ok() && !absl::IsResourceExhausted(shared)) return shared;
  Application application(*inventory_);
  drift.failures = application.Run(plans, ApplyScope::kAll);
  for (const model::ObjectName& service : application.differed()) {
    service.name.empty() ? void(++drift.shared) : drift.services.push_back(service);
  }
  std::sort(drift.services.begin(), drift.services.end());
  return drift;
}

// What an earlier call, or an earlier agent, has left undone and everything else relies on.
absl::Status TableDatapath::FinishShared() {
  if (absl::Status status = inventory_->allocator.index().WriteCounts(); !status.ok()) return status;
  // Before anything is staged: what makes no sense must not keep its place from a key that does.
  if (absl::Status status = inventory_->allocator.index().RemoveForeign(); !status.ok()) return status;
  if (filter_repaired_) return absl::OkStatus();
  absl::Status status = inventory_->filter.Repair();
  filter_repaired_ = status.ok();
  return status;
}

absl::Status TableDatapath::SetNodeAddresses(absl::Span<const NodeAddress> addresses) {
  Need need;
  inventory_->addresses.SetNodeAddresses(addresses, need);
  if (need.exceeded) inventory_->allocator.WaitAndReclaim();
  if (absl::Status status = FinishShared(); !status.ok()) return status;
  absl::Status status = PublishShared();
  // The addresses that have just gone may make room for those that come.
  if (absl::IsResourceExhausted(status) && inventory_->allocator.WaitAndReclaim()) status = PublishShared();
  return status;
}

// What belongs to no single Service.
absl::Status TableDatapath::PublishShared() {
  const Transfers no_transfers;
  const ServiceSet nobody;
  Publisher publisher(*inventory_, no_transfers, nobody);
  publisher.Publish({});
  return publisher.shared_status();
}

void TableDatapath::Reclaim() {
  // A failure stays where it is and is tried again next time.
  if (FinishShared().ok()) PublishShared().IgnoreError();
  inventory_->allocator.Reclaim(std::numeric_limits<size_t>::max());
}

Removals TableDatapath::TakeRemovals() {
  return std::exchange(inventory_->published.removals, {});
}

const Tables& TableDatapath::tables() const {
  return inventory_->tables;
}

}  // namespace shunt::datapath
