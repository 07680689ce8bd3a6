// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/reconciler.h"

#include <algorithm>
#include <iterator>

#include "absl/container/flat_hash_set.h"
#include "userspace/agent/control/node_name.h"
#include "userspace/agent/control/work_cost.h"
#include "userspace/agent/process/lasting_state.h"

namespace shunt::agent {
namespace {

// Adds the address if it is the first of its family.
void AddPrimary(const model::IpAddress& address, std::vector<model::IpAddress>& primary) {
  const bool known = std::any_of(primary.begin(), primary.end(),
                                 [&](const model::IpAddress& p) { return p.family() == address.family(); });
  if (!known) primary.push_back(address);
}

// What plans depend on of a Node object: its zone and its addresses.
using NodeFacts = std::pair<std::string, std::vector<std::string>>;

NodeFacts FactsOf(const model::Node* node) {
  return node == nullptr ? NodeFacts() : NodeFacts(node->Zone(), node->addresses);
}

}  // namespace

Reconciler::Reconciler(ReconcilerOptions options, datapath::Datapath& datapath, Ledger& ledger)
    : options_(std::move(options)),
      datapath_(datapath),
      ledger_(ledger),
      backoff_(options_.jitter_seed),
      store_(options_.node_name),
      source_synced_(options_.sources, false),
      unsynced_(options_.sources) {
  node_ = CurrentNode();
}

void Reconciler::Deliver(std::vector<sources::Event> events, uint64_t delivery) {
  const NodeFacts node = FactsOf(store_.ThisNode());
  for (sources::Event& event : events) store_.Apply(std::move(event));
  std::vector<uint64_t> deliveries;
  if (delivery != 0) deliveries = {delivery};
  if (delivery != 0 && FactsOf(store_.ThisNode()) != node) node_deliveries_.push_back(delivery);
  EnqueueChanged(deliveries);
  changed_ = true;
}

void Reconciler::Synced(size_t source) {
  if (source_synced_[source]) return;
  source_synced_[source] = true;
  --unsynced_;
  changed_ = true;
}

void Reconciler::SetLocalAddresses(std::vector<datapath::NodeAddress> addresses) {
  std::sort(addresses.begin(), addresses.end());
  if (addresses == local_addresses_) return;
  local_addresses_ = std::move(addresses);
  addresses_changed_ = true;
  address_failures_ = 0;
  changed_ = true;
}

std::string Reconciler::NodeProblem() const {
  return synced() ? NodeNameProblem(options_.node_name, options_.expects_node, store_.NodeNames()) : "";
}

std::optional<SteadyTime> Reconciler::NextStep() const {
  if (!synced()) return std::nullopt;
  if (changed_ || node_change_.has_value() || !waiting_.empty()) return SteadyTime::min();
  std::optional<SteadyTime> next;
  if (!retry_order_.empty()) next = retry_order_.begin()->first;
  if (addresses_changed_) next = next.has_value() ? std::min(*next, addresses_due_) : addresses_due_;
  return next;
}

StepOutcome Reconciler::Step(SteadyTime now) {
  StepOutcome outcome;
  if (!synced()) return outcome;
  changed_ = false;
  FollowNode();
  EnqueueForNode();
  ApplyNodeAddresses(now, outcome);
  EnqueueDueRetries(now);
  Batch batch;
  PlanWaiting(batch, outcome);
  Apply(now, batch, outcome);
  outcome.waiting = DeliveriesWaiting();
  return outcome;
}

std::vector<uint64_t> Reconciler::DeliveriesWaiting() const {
  const std::vector<uint64_t> queued = waiting_.Deliveries();
  if (!node_change_.has_value()) return queued;
  std::vector<uint64_t> all;
  std::set_union(queued.begin(), queued.end(), node_change_->deliveries.begin(), node_change_->deliveries.end(),
                 std::back_inserter(all));
  return all;
}

void Reconciler::FollowNode() {
  planner::NodeContext node = CurrentNode();
  const std::vector<uint64_t> deliveries = std::exchange(node_deliveries_, {});
  if (node == node_) return;
  std::swap(node, node_);
  if (!node_.SelectsLike(node)) {
    // Before the first Apply every Service is in the queue. A change while those before are put there begins once more.
    if (applied_all_) {
      if (!node_change_.has_value()) node_change_.emplace();
      node_change_->last.reset();
      node_change_->deliveries.insert(node_change_->deliveries.end(), deliveries.begin(), deliveries.end());
    }
    // Which addresses are the primary ones may have changed.
    addresses_changed_ |= options_.node_port_addresses.primary;
    return;
  }
  std::vector<model::IpAddress> moved;
  std::set_symmetric_difference(node.local_addresses.begin(), node.local_addresses.end(), node_.local_addresses.begin(),
                                node_.local_addresses.end(), std::back_inserter(moved));
  for (const model::IpAddress& address : moved) store_.MarkClusterIpChanged(address);
  EnqueueChanged(deliveries);
}

// A Service without an entry in the ledger is in the queue, because it has never been applied.
void Reconciler::EnqueueForNode() {
  if (!node_change_.has_value()) return;
  const std::optional<model::ObjectName>& last = node_change_->last;
  const std::vector<Ledger::Entry> page = ledger_.PageAfter(last.has_value() ? &*last : nullptr, kNodeTurn);
  for (const Ledger::Entry& entry : page) {
    const model::ObjectName& service = entry.plan->service;
    if (store_.FindService(service) != nullptr) Enqueue(service, /*changed=*/true, node_change_->deliveries);
  }
  if (page.size() < kNodeTurn) {
    node_change_.reset();
  } else {
    node_change_->last = page.back().plan->service;
  }
}

planner::NodeContext Reconciler::CurrentNode() const {
  planner::NodeContext context;
  context.node_name = options_.node_name;
  if (const model::Node* node = store_.ThisNode(); node != nullptr) {
    context.zone = node->Zone();
    for (const std::string& text : node->addresses) {
      if (const auto address = model::IpAddress::Parse(text); address.has_value()) {
        AddPrimary(*address, context.primary_addresses);
      }
    }
  }
  for (const datapath::NodeAddress& local : local_addresses_) {
    if (!local.host_only) context.local_addresses.push_back(local.address);  // in the order of local_addresses_
  }
  // Without a Node object, or for a family that it does not name: the lowest of the interfaces' addresses, which
  // is at least the same after a restart.
  for (const datapath::NodeAddress& local : local_addresses_) {
    if (!local.host_only) AddPrimary(local.address, context.primary_addresses);
  }
  return context;
}

std::vector<datapath::NodeAddress> Reconciler::NodePortAddressesNow() const {
  const NodePortAddresses& wanted = options_.node_port_addresses;
  std::vector<datapath::NodeAddress> addresses = local_addresses_;
  if (wanted.primary) {
    std::erase_if(addresses, [&](const datapath::NodeAddress& local) {
      const auto& primary = node_.primary_addresses;
      return std::find(primary.begin(), primary.end(), local.address) == primary.end();
    });
  } else if (!wanted.prefixes.empty()) {
    std::erase_if(addresses, [&](const datapath::NodeAddress& local) {
      return std::none_of(wanted.prefixes.begin(), wanted.prefixes.end(),
                          [&](const model::IpPrefix& prefix) { return prefix.Contains(local.address); });
    });
  }
  return addresses;
}

void Reconciler::ApplyNodeAddresses(SteadyTime now, StepOutcome& outcome) {
  outcome.node_addresses = address_status_;
  if (!addresses_changed_ || (address_failures_ > 0 && now < addresses_due_)) return;
  outcome.node_addresses = address_status_ = datapath_.SetNodeAddresses(NodePortAddressesNow());
  if (address_status_.ok()) {
    addresses_changed_ = false;
    address_failures_ = 0;
  } else {
    addresses_due_ = now + backoff_.Delay(++address_failures_);
  }
}

std::vector<const model::EndpointSlice*> Reconciler::SlicesOf(const model::ObjectName& service) const {
  return store_.SlicesOf(service, planner::SlicesMax(options_.planner));
}

uint64_t Reconciler::CostOf(const model::ObjectName& service) const {
  if (!applied_all_) return 0;  // the first step takes everything
  const std::optional<Ledger::Entry> known = ledger_.Find(service);
  return WorkCost(store_.FindService(service), SlicesOf(service), known.has_value() ? known->plan.get() : nullptr);
}

void Reconciler::Enqueue(const model::ObjectName& service, bool changed, std::vector<uint64_t> deliveries) {
  const uint64_t cost = waiting_.Contains(service) ? 0 : CostOf(service);
  waiting_.Add({.service = service, .changed = changed, .deliveries = std::move(deliveries)}, cost);
}

void Reconciler::EnqueueChanged(const std::vector<uint64_t>& deliveries) {
  for (const model::ObjectName& service : store_.TakeChanged()) Enqueue(service, /*changed=*/true, deliveries);
}

void Reconciler::EnqueueDueRetries(SteadyTime now) {
  for (const auto& [due, service] : retry_order_) {
    if (due > now) break;
    Enqueue(service, /*changed=*/false, {});
  }
}

void Reconciler::PlanWaiting(Batch& batch, StepOutcome& outcome) {
  batch.left = options_.step_cost_max;  // without effect on the first step, in which nothing costs anything
  while (!waiting_.empty()) {
    const uint64_t cost = CostOf(waiting_.Next());
    if (outcome.planned > 0 && cost > batch.left) break;
    batch.group.push_back(waiting_.Next());
    batch.Spend(cost);
    // A Service that wins or loses a frontend is planned in the same step, whether it waits or not.
    while (!batch.group.empty()) {
      const model::ObjectName service = std::move(batch.group.back());
      batch.group.pop_back();
      Plan(waiting_.Take(service, CostOf(service)), batch);
      ++outcome.planned;
    }
  }
}

void Reconciler::Plan(WorkQueue::Item item, Batch& batch) {
  const model::ObjectName& service = item.service;
  model::ServicePlan plan;
  const model::Service* object = store_.FindService(service);
  if (object != nullptr) {
    plan = planner::PlanService(*object, SlicesOf(service), node_, options_.planner);
  } else {
    plan.service = service;
  }
  Claim(item, plan, batch);

  if (const auto retry = retries_.find(service); retry != retries_.end()) {
    for (const model::ObjectName& partner : retry->second.partners) {
      if (!retries_.contains(partner) || batch.plans.contains(partner)) continue;
      batch.Spend(CostOf(partner));
      batch.group.push_back(partner);
    }
  }
  const std::optional<Ledger::Entry> known = ledger_.Find(service);
  const bool holds = known.has_value() && known->applied.ok() && *known->plan == plan;
  // Of a postponed one the datapath remembers that it was refused, until it has applied another plan of it.
  const bool never_was = !known.has_value() && object == nullptr && !postponed_since_.contains(service);
  const bool nothing_to_do = applied_all_ && (holds || never_was);
  // If its objects changed, the delay of its retries starts over.
  if (item.changed || nothing_to_do) Forget(service);
  if (nothing_to_do) {
    postponed_since_.erase(service);
    batch.plans.erase(service);
    // It had nothing in the kernel that would have to go first.
    if (object == nullptr && plan.ports.empty()) ledger_.Erase(service);
    return;
  }
  batch.plans[service] = std::make_shared<const model::ServicePlan>(std::move(plan));
  if (!item.deliveries.empty()) batch.deliveries[service] = item.deliveries;
}

void Reconciler::Claim(const WorkQueue::Item& item, model::ServicePlan& plan, Batch& batch) {
  const auto may_change = [&](const model::ObjectName& other) {
    const uint64_t cost = CostOf(other);
    // One at least, or nothing would ever change hands.
    if (batch.handed_over && cost > batch.left) return false;
    batch.handed_over = true;
    batch.Spend(cost);
    return true;
  };
  const planner::FrontendClaims::Result result = claims_.Update(plan, may_change);
  // The order of claims is total and depends on the objects alone, so a Service planned again with the same objects
  // changes no other Service's verdict.
  batch.group.insert(batch.group.end(), result.changed.begin(), result.changed.end());
  if (result.complete) return;
  batch.left = 0;
  Enqueue(item.service, item.changed, item.deliveries);
  if (!result.keeps_old) return;
  if (const auto known = ledger_.Find(item.service); known.has_value()) {
    plan = *known->plan;
    claims_.Judge(plan);
  }
}

void Reconciler::Apply(SteadyTime now, Batch& batch, StepOutcome& outcome) {
  outcome.first = !applied_all_;
  if (applied_all_ && batch.plans.empty()) return;
  std::vector<const model::ServicePlan*> plans;
  plans.reserve(batch.plans.size());
  for (const auto& [service, plan] : batch.plans) plans.push_back(plan.get());
  // In name order, so that a restart gives the same ids if it can.
  std::sort(plans.begin(), plans.end(), [](const auto* a, const auto* b) { return a->service < b->service; });
  const auto scope = applied_all_ ? datapath::ApplyScope::kChanged : datapath::ApplyScope::kAll;
  outcome.failures = datapath_.Apply(plans, scope);
  applied_all_ = true;

  outcome.postponed = std::erase_if(outcome.failures, [&](const datapath::ServiceFailure& failure) {
    const bool postponed = MayBePostponed(failure, now);
    if (postponed) Postpone(failure, batch);
    return postponed;
  });
  for (const datapath::ServiceFailure& failure : outcome.failures) {
    if (Fail(failure, now, batch)) outcome.news.push_back(failure);
  }
  for (auto& [service, plan] : batch.plans) {
    Forget(service);
    postponed_since_.erase(service);
    if (plan->ports.empty() && store_.FindService(service) == nullptr) {
      ledger_.Erase(service);
    } else {
      ledger_.Record(std::move(plan), absl::OkStatus());
    }
  }
  outcome.applied = batch.plans.size();
}

datapath::Inspected Reconciler::Inspect(size_t rows) {
  if (!applied_all_) return datapath::Inspected::kDiffers;
  PlanPointer plan;  // keeps the last one that was asked for
  return datapath_.Inspect(rows, [&](const model::ObjectName& service) -> std::optional<const model::ServicePlan*> {
    if (waiting_.Contains(service)) return std::nullopt;
    const std::optional<Ledger::Entry> entry = ledger_.Find(service);
    if (!entry.has_value()) return nullptr;
    if (!entry->applied.ok()) return std::nullopt;
    plan = entry->plan;
    return plan.get();
  });
}

absl::StatusOr<datapath::Drift> Reconciler::Audit(SteadyTime now) {
  constexpr size_t kPage = 1024;
  if (!applied_all_)
    return absl::FailedPreconditionError("audit: nothing has been applied yet: not every source is synced");
  std::vector<PlanPointer> plans;
  absl::flat_hash_set<model::ObjectName> failed_before;
  for (std::vector<Ledger::Entry> page = ledger_.PageAfter(nullptr, kPage); !page.empty();
       page = ledger_.PageAfter(&plans.back()->service, kPage)) {
    for (Ledger::Entry& entry : page) {
      if (!entry.applied.ok()) failed_before.insert(entry.plan->service);
      plans.push_back(std::move(entry.plan));
    }
  }
  std::vector<const model::ServicePlan*> pointers;
  pointers.reserve(plans.size());
  for (const PlanPointer& plan : plans) pointers.push_back(plan.get());
  absl::StatusOr<datapath::Drift> drift = datapath_.Audit(pointers, NodePortAddressesNow());
  if (!drift.ok()) return drift;
  // A Service that had failed before is known to differ, and its retry is scheduled.
  std::erase_if(drift->services, [&](const auto& service) { return failed_before.contains(service); });
  std::erase_if(drift->failures, [&](const auto& failure) { return failed_before.contains(failure.service); });
  for (const datapath::ServiceFailure& failure : drift->failures) {
    PlanPointer plan = std::make_shared<const model::ServicePlan>(model::ServicePlan{.service = failure.service});
    if (const auto entry = ledger_.Find(failure.service); entry.has_value()) plan = entry->plan;
    ledger_.Record(std::move(plan), failure.status);
    Schedule(failure, now);
  }
  return drift;
}

bool Reconciler::Fail(const datapath::ServiceFailure& failure, SteadyTime now, Batch& batch) {
  PlanPointer plan = std::make_shared<const model::ServicePlan>(model::ServicePlan{.service = failure.service});
  if (const auto place = batch.plans.find(failure.service); place != batch.plans.end()) {
    plan = std::move(place->second);
    batch.plans.erase(place);
  }  // else: a Service of an earlier agent, which no plan names and which could not be removed
  const std::optional<Ledger::Entry> before = ledger_.Find(failure.service);
  ledger_.Record(std::move(plan), failure.status);
  postponed_since_.erase(failure.service);
  Schedule(failure, now);
  return !before.has_value() || before->applied.code() != failure.status.code() ||
         !SameButForNumbers(before->applied.message(), failure.status.message());
}

bool Reconciler::MayBePostponed(const datapath::ServiceFailure& failure, SteadyTime now) {
  if (!failure.may_fit_soon) return false;
  const auto [since, is_first] = postponed_since_.try_emplace(failure.service, now);
  return now - since->second < kPostponedMax;
}

void Reconciler::Postpone(const datapath::ServiceFailure& failure, Batch& batch) {
  Retry& retry = retries_[failure.service];
  retry_order_.erase({retry.due, failure.service});
  retry.partners = {failure.partners.begin(), failure.partners.end()};
  batch.plans.erase(failure.service);
  Enqueue(failure.service, /*changed=*/false, std::move(batch.deliveries[failure.service]));
}

void Reconciler::Schedule(const datapath::ServiceFailure& failure, SteadyTime now) {
  Retry& retry = retries_[failure.service];
  if (retry.failures > 0) retry_order_.erase({retry.due, failure.service});
  retry.due = now + backoff_.Delay(++retry.failures);
  retry_order_.insert({retry.due, failure.service});
  retry.partners = {failure.partners.begin(), failure.partners.end()};
}

void Reconciler::Forget(const model::ObjectName& service) {
  const auto place = retries_.find(service);
  if (place == retries_.end()) return;
  retry_order_.erase({place->second.due, service});
  retries_.erase(place);
}

}  // namespace shunt::agent
