// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/table_datapath.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "userspace/datapath/adoption.h"
#include "userspace/datapath/change.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/inspection.h"
#include "userspace/datapath/inventory.h"
#include "userspace/datapath/publisher.h"
#include "userspace/datapath/refusals.h"
#include "userspace/datapath/stager.h"
#include "userspace/datapath/transfers.h"

namespace shunt::datapath {
namespace {

// How many changes are staged at a time, to bound memory. Services are independent of one another unless frontends go
// from one to another: then all are staged together.
constexpr size_t kChangesMax = 4096;

// How many retired rows one call frees, and the rest of the set that reaches it. One step of the agent may retire two
// Services of the largest size, 50,000 rows each: if a call freed less, freeing would fall behind a loop that always
// has such a step to do.
constexpr size_t kRowsReclaimedMax = 100'000;

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
  Application(Inventory& inventory, Refusals& refusals)
      : inventory_(inventory), published_(inventory.published), refusals_(refusals) {}

  std::vector<ServiceFailure> Run(absl::Span<const model::ServicePlan* const> plans, ApplyScope scope);
  // The Services that Run found to differ from their plan; an empty name stands for rows of no Service.
  const absl::flat_hash_set<model::ObjectName>& differed() const { return differed_; }

 private:
  std::vector<Request> CollectRequests(absl::Span<const model::ServicePlan* const> plans, ApplyScope scope);
  void Round(const std::vector<Request>& requests, const Transfers& transfers);
  void ApplyChunk(absl::Span<const Request> requests, const Transfers& transfers, bool last_of_all);
  Changes StageAll(absl::Span<const Request> requests, const Transfers& transfers);
  void NoteFailures(const Changes& changes);
  void NoteRetried(const Changes& changes);
  void WaitForRows(const Transfers& transfers);
  bool MayFitSoon();
  void Forget(absl::Span<const Request> requests);

  Inventory& inventory_;
  Published& published_;
  bool all_ = false;  // the plans are those of all Services
  Refusals& refusals_;
  std::vector<ServiceFailure> failures_;
  // Of the last round: the Services that another round may apply, and why they failed, in the same order.
  std::vector<Request> deferred_;
  std::vector<ServiceFailure> deferred_failures_;
  absl::flat_hash_set<model::ObjectName> differed_;
  ServiceSet given_up_;  // they take no frontends, because their plans do not fit or contradict themselves
  ServiceSet waiting_;   // of the last round: they kept a frontend for a taker that was refused
  ServiceSet retried_;   // a write failed for them, or for one from which they take a frontend: the caller tries again
};

std::vector<ServiceFailure> TableDatapath::Application::Run(absl::Span<const model::ServicePlan* const> plans,
                                                            ApplyScope scope) {
  inventory_.allocator.Reclaim(kRowsReclaimedMax);
  const std::vector<Request> requests = CollectRequests(plans, scope);
  const Transfers transfers(requests);
  all_ = scope == ApplyScope::kAll;
  Round(requests, transfers);
  // What did not fit may fit into what the round has retired, a grace period later.
  if (scope == ApplyScope::kAll) WaitForRows(transfers);
  // If a write that frees rows has failed, the room that there is says nothing of what fits.
  const bool may_fit = scope == ApplyScope::kAll ? inventory_.allocator.quarantine().stopped_at_error() : MayFitSoon();
  if (!waiting_.empty() && !may_fit) {
    // The takers do not fit at all, or take something else from a Service that does not: their frontends leave the
    // Services that have them.
    for (const Request& request : deferred_) {
      if (!waiting_.contains(request.state)) given_up_.insert(request.state);
    }
    Round(std::exchange(deferred_, {}), transfers);
  }
  std::move(deferred_failures_.begin(), deferred_failures_.end(), std::back_inserter(failures_));
  transfers.NamePartners(failures_);
  refusals_.Settle(plans, failures_);
  Forget(requests);
  return std::move(failures_);
}

// Goes on round by round while there is progress.
void TableDatapath::Application::WaitForRows(const Transfers& transfers) {
  for (int idle = 0; idle < Refusals::kIdleTriesMax && !deferred_.empty() && inventory_.allocator.WaitAndReclaim();) {
    const size_t before = deferred_.size();
    Round(std::exchange(deferred_, {}), transfers);
    idle = deferred_.size() < before ? 0 : idle + 1;
  }
}

// Says so in the failures of those that may. A giver that waits for a taker does as long as any of them may.
bool TableDatapath::Application::MayFitSoon() {
  bool any = false;
  for (size_t i = 0; i < deferred_.size(); ++i) {
    if (waiting_.contains(deferred_[i].state)) continue;
    ServiceFailure& failure = deferred_failures_[i];
    failure.may_fit_soon = refusals_.TryAgain(failure.service, inventory_.allocator.quarantine());
    any |= failure.may_fit_soon;
  }
  for (size_t i = 0; i < deferred_.size(); ++i) {
    if (waiting_.contains(deferred_[i].state)) deferred_failures_[i].may_fit_soon = any;
  }
  return any;
}

std::vector<Request> TableDatapath::Application::CollectRequests(absl::Span<const model::ServicePlan* const> plans,
                                                                 ApplyScope scope) {
  std::vector<Request> requests;
  absl::flat_hash_set<const ServiceState*> named;
  requests.reserve(plans.size());
  named.reserve(plans.size());
  if (scope == ApplyScope::kAll) ReserveFor(plans, inventory_);
  // Removals first, because what they free may be needed.
  for (const bool removals : {true, false}) {
    for (const model::ServicePlan* plan : plans) {
      if (plan->ports.empty() != removals) continue;
      if (removals && !published_.services.contains(plan->service)) continue;
      ServiceState& state = published_.StateOf(plan->service);
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
      for (const auto& [name, state] : published_.services) requests.push_back({.plan = nullptr, .state = state.get()});
    } else if (published_.unnamed != nullptr) {
      requests.push_back({.plan = nullptr, .state = published_.unnamed});
    }
  }
  // A Service that has a plan is not to be removed.
  std::erase_if(requests,
                [&](const Request& request) { return request.plan == nullptr && named.contains(request.state); });
  return requests;
}

void TableDatapath::Application::Round(const std::vector<Request>& requests, const Transfers& transfers) {
  deferred_failures_.clear();
  waiting_.clear();
  const size_t chunk = transfers.empty() ? kChangesMax : std::max<size_t>(requests.size(), 1);
  size_t begin = 0;
  do {  // once even without requests, because something shared may be left to do
    const bool last = begin + chunk >= requests.size();
    ApplyChunk(absl::MakeConstSpan(requests).subspan(begin, chunk), transfers, last && all_);
    begin += chunk;
  } while (begin < requests.size());
}

void TableDatapath::Application::ApplyChunk(absl::Span<const Request> requests, const Transfers& transfers,
                                            bool last_of_all) {
  const Changes changes = StageAll(requests, transfers);
  if (last_of_all) inventory_.addresses.DropUnclaimed();
  Publisher(inventory_, transfers, given_up_).Publish(changes);
  NoteFailures(changes);
}

// Returns the changes that would change something and those that are refused.
Changes TableDatapath::Application::StageAll(absl::Span<const Request> requests, const Transfers& transfers) {
  Stager stager(published_, inventory_.allocator, inventory_.addresses, transfers);
  Changes changes;
  changes.reserve(requests.size());
  for (const Request& request : requests) {
    std::unique_ptr<Change> change = stager.Stage(request);
    if (absl::IsInvalidArgument(change->status())) given_up_.insert(request.state);
    const bool differs = change->ok() && !change->IsEmpty();
    if (differs) differed_.insert(request.state->name);
    // If an address row is still to be published, a Service without changes may have to learn that this failed, or the
    // address waits for it.
    const bool shares = inventory_.addresses.changes() != 0 || !request.state->held.empty();
    if (change->ok() && !differs && !shares) continue;
    changes.push_back(std::move(change));
  }
  FailTakers(changes);
  return changes;
}

// Notes the Services that no other round of this Apply can help. A Service whose write failed takes part in no other
// round, so in those it is missing for its takers, which are refused.
void TableDatapath::Application::NoteRetried(const Changes& changes) {
  for (const std::unique_ptr<Change>& change : changes) {
    if (!change->ok() && change->stage() != Change::Stage::kRefused && change->waits_for().empty()) {
      retried_.insert(&change->service());
    }
  }
  for (size_t before = SIZE_MAX; !retried_.empty() && before != retried_.size();) {
    before = retried_.size();
    for (const std::unique_ptr<Change>& change : changes) {
      if (change->ok()) continue;
      const auto& givers = change->takes_from();
      const auto is_retried = [&](const ServiceState* giver) { return retried_.contains(giver); };
      if (std::any_of(givers.begin(), givers.end(), is_retried)) retried_.insert(&change->service());
    }
  }
}

// Sorts the failures into those that the caller has to try again and those that another round may overcome.
void TableDatapath::Application::NoteFailures(const Changes& changes) {
  NoteRetried(changes);
  ServiceSet refused;
  for (const std::unique_ptr<Change>& change : changes) {
    if (change->stage() == Change::Stage::kRefused && !retried_.contains(&change->service())) {
      refused.insert(&change->service());
    }
  }
  for (const std::unique_ptr<Change>& change : changes) {
    if (change->ok()) continue;
    const bool waits = std::any_of(change->waits_for().begin(), change->waits_for().end(),
                                   [&](const ServiceState* taker) { return refused.contains(taker); });
    if (waits) waiting_.insert(&change->service());
    // A plan that contradicts itself stays so, and a write that failed is the caller's to try again.
    const bool may_fit = refused.contains(&change->service()) && !absl::IsInvalidArgument(change->status());
    const bool defer = waits || may_fit;
    if (defer) deferred_.push_back(change->request());
    (defer ? deferred_failures_ : failures_).push_back({.service = change->service().name, .status = change->status()});
  }
}

// A Service that has nothing needs no record.
void TableDatapath::Application::Forget(absl::Span<const Request> requests) {
  for (const Request& request : requests) {
    if (!request.state->ports.empty() || !request.state->frontends.empty()) continue;
    if (request.state == published_.unnamed) published_.unnamed = nullptr;
    for (const model::IpAddress& address : request.state->held) inventory_.addresses.Release(address);
    published_.services.erase(request.state->name);
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
  return Application(*inventory_, refusals_).Run(plans, scope);
}

Inspected TableDatapath::Inspect(size_t rows, PlanOf plan_of) {
  if (inspection_ == nullptr) inspection_ = std::make_unique<Inspection>(*inventory_);
  const Inspected found = inspection_->Next(rows, plan_of);
  if (found != Inspected::kMore) inspection_.reset();
  return found;
}

absl::StatusOr<Drift> TableDatapath::Audit(absl::Span<const model::ServicePlan* const> plans,
                                           absl::Span<const NodeAddress> addresses) {
  // Adoption takes what nothing leads to for free, which is wrong for what waits for its grace period.
  inventory_->allocator.WaitAndReclaim();
  if (!inventory_->allocator.quarantine().empty()) {
    return absl::UnavailableError("audit the maps: rows of an earlier change wait for their grace period: try again");
  }
  absl::StatusOr<std::unique_ptr<Inventory>> found = Adopt(inventory_->shared_tables, grace_);
  if (!found.ok()) return found.status();
  (*found)->published.removals = inventory_->published.removals;
  inspection_.reset();
  inventory_ = *std::move(found);
  filter_repaired_ = false;

  Drift drift;
  Allocator& allocator = inventory_->allocator;
  // Adoption has retired what was marked as used while nothing leads to it.
  drift.shared = static_cast<uint32_t>(allocator.index().wrong() + allocator.quarantine().size());
  if (absl::Status status = FinishShared(); !status.ok()) return status;
  drift.shared += inventory_->filter.repaired() + inventory_->packet_filters.repaired();
  drift.shared += allocator.source_lists().repaired();
  Need need;
  inventory_->addresses.SetNodeAddresses(addresses, need);
  drift.shared += static_cast<uint32_t>(inventory_->addresses.changes());
  absl::Status shared = PublishShared();
  if (absl::IsResourceExhausted(shared) && inventory_->allocator.WaitAndReclaim()) shared = PublishShared();
  // If the map is full, every Apply tries the address's row again; the Services are repaired nevertheless.
  if (!shared.ok() && !absl::IsResourceExhausted(shared)) return shared;
  Application application(*inventory_, refusals_);
  drift.failures = application.Run(plans, ApplyScope::kAll);
  for (const model::ObjectName& service : application.differed()) {
    service.name.empty() ? void(++drift.shared) : drift.services.push_back(service);
  }
  std::sort(drift.services.begin(), drift.services.end());
  return drift;
}

// Finishes what an earlier call, or an earlier agent, has left undone and everything else relies on.
absl::Status TableDatapath::FinishShared() {
  FrontendIndex& index = inventory_->allocator.index();
  if (absl::Status status = index.WriteCounts(); !status.ok()) return status;
  // Before anything is staged: an invalid entry must not keep its slot from a key that needs it.
  if (absl::Status status = index.RemoveForeign(); !status.ok()) return status;
  if (filter_repaired_) return absl::OkStatus();
  absl::Status status = inventory_->filter.Repair();
  if (status.ok()) status = inventory_->packet_filters.Repair();
  if (status.ok()) status = inventory_->allocator.source_lists().RemoveForeign();
  if (status.ok()) status = inventory_->allocator.source_lists().SetInside(inside_);
  filter_repaired_ = status.ok();
  return status;
}

absl::Status TableDatapath::SetNodeAddresses(absl::Span<const NodeAddress> addresses) {
  Need need;
  inventory_->addresses.SetNodeAddresses(addresses, need);
  if (need.exceeded) inventory_->allocator.WaitAndReclaim();
  if (absl::Status status = FinishShared(); !status.ok()) return status;
  absl::Status status = PublishShared();
  // The rows of the addresses that have just gone may be free by then.
  if (absl::IsResourceExhausted(status) && inventory_->allocator.WaitAndReclaim()) status = PublishShared();
  return status;
}

// Publishes what belongs to no single Service.
absl::Status TableDatapath::PublishShared() {
  const Transfers no_transfers;
  const ServiceSet no_services;
  Publisher publisher(*inventory_, no_transfers, no_services);
  publisher.Publish({});
  return publisher.shared_status();
}

void TableDatapath::Reclaim() {
  // A failure stays where it is and is tried again next time.
  if (FinishShared().ok()) PublishShared().IgnoreError();
  inventory_->allocator.Reclaim(kRowsReclaimedMax);
}

Removals TableDatapath::TakeRemovals() {
  return std::exchange(inventory_->published.removals, {});
}

absl::Status TableDatapath::GiveSignOfLife(std::chrono::milliseconds boot_time) {
  constexpr uint32_t kWord = offsetof(shunt_meta, applied_ms) / sizeof(uint64_t);
  return tables().meta->StoreWord(0, kWord, static_cast<uint64_t>(boot_time.count()));
}

std::chrono::milliseconds TableDatapath::LastSignOfLife() const {
  shunt_meta meta{};
  const absl::Status read = tables().meta->Load(0, MutableBytesOf(meta));
  return std::chrono::milliseconds(read.ok() ? meta.applied_ms : 0);
}

void TableDatapath::SetInside(std::vector<model::IpPrefix> ranges) {
  inside_ = std::move(ranges);
  filter_repaired_ = false;
}

absl::Status TableDatapath::SetStaleAfter(std::chrono::milliseconds stale_after) {
  constexpr uint32_t kWord = offsetof(shunt_meta, stale_after_ms) / sizeof(uint64_t);
  return tables().meta->StoreWord(0, kWord, static_cast<uint64_t>(stale_after.count()));
}

const Tables& TableDatapath::tables() const {
  return inventory_->tables;
}

}  // namespace shunt::datapath
