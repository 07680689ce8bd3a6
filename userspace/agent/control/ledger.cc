// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace shunt::agent {

std::vector<report::StatusProblem> ProblemsOf(const Ledger::Entry& entry) {
  std::vector<report::StatusProblem> problems;
  const std::string where = absl::StrCat("Service ", entry.plan->service.ToString());
  if (!entry.applied.ok()) {
    problems.push_back({where, absl::StrCat("not in the kernel, will be retried: ", entry.applied.message())});
  }
  for (const model::PortPlan& port : entry.plan->ports) {
    for (const model::Frontend& frontend : port.frontends) {
      if (!frontend.InConflict()) continue;
      problems.push_back(
          {where, absl::StrCat("frontend ", frontend.address.ToString(), " belongs to Service ",
                               frontend.conflict_with.Name().ToString(), " and is not served for this one")});
    }
  }
  for (const std::string& warning : entry.plan->warnings) problems.push_back({where, warning});
  return problems;
}

namespace {

// Returns whether ProblemsOf returns any.
bool HasProblems(const Ledger::Entry& entry) {
  if (!entry.applied.ok() || !entry.plan->warnings.empty()) return true;
  return std::any_of(entry.plan->ports.begin(), entry.plan->ports.end(), [](const model::PortPlan& port) {
    return std::any_of(port.frontends.begin(), port.frontends.end(),
                       [](const model::Frontend& frontend) { return frontend.InConflict(); });
  });
}

// Whether a Local policy leaves the pool empty on this node, although other nodes have endpoints.
bool MissesLocally(const model::PortPlan& port, uint32_t pool) {
  return pool < port.pools.size() && port.pools[pool].slots.empty() &&
         port.pools[pool].empty == model::EmptyPool::kLocalMiss;
}

// A ServicePort counts once under a policy, however many frontends it has. A ClusterIP obeys internalTrafficPolicy,
// every other frontend externalTrafficPolicy.
void CountLocalMisses(const model::PortPlan& port, int sign, report::LocalMisses& misses) {
  bool internal = false;
  bool external = false;
  for (const model::Frontend& frontend : port.frontends) {
    const bool is_internal = frontend.kind == model::FrontendKind::kClusterIp;
    const uint32_t pool = is_internal ? frontend.internal_pool : frontend.external_pool;
    if (!frontend.IsProgrammed() || !MissesLocally(port, pool)) continue;
    (is_internal ? internal : external) = true;
  }
  const size_t family = port.family == model::IpFamily::kV4 ? 0 : 1;
  misses.internal[family] += internal ? sign : 0;
  misses.external[family] += external ? sign : 0;
}

}  // namespace

void Ledger::Count(const Entry& entry, int sign) {
  totals_.services += entry.plan->ports.empty() ? 0 : sign;
  totals_.failed += entry.applied.ok() ? 0 : sign;
  for (const model::PortPlan& port : entry.plan->ports) {
    for (const model::Frontend& frontend : port.frontends) totals_.frontends += frontend.IsProgrammed() ? sign : 0;
    CountLocalMisses(port, sign, totals_.local_misses);
  }
}

void Ledger::Record(std::shared_ptr<const model::ServicePlan> plan, absl::Status applied) {
  const model::ObjectName name = plan->service;
  const bool health_checked = plan->health_check_node_port != 0;
  Entry entry{std::move(plan), std::move(applied)};
  const bool troubled = HasProblems(entry);
  const std::lock_guard lock(mutex_);
  Count(entry, +1);
  if (const auto [place, inserted] = entries_.try_emplace(name, entry); !inserted) {
    Count(place->second, -1);
    // The old plan is destroyed with `entry`, after the lock is released.
    std::swap(place->second, entry);
  }
  if (troubled) {
    troubled_.insert(name);
  } else {
    troubled_.erase(name);
  }
  if (health_checked) {
    health_checked_.insert(name);
  } else {
    health_checked_.erase(name);
  }
}

void Ledger::Erase(const model::ObjectName& service) {
  const std::lock_guard lock(mutex_);
  const auto place = entries_.find(service);
  if (place == entries_.end()) return;
  Count(place->second, -1);
  entries_.erase(place);
  troubled_.erase(service);
  health_checked_.erase(service);
}

std::optional<Ledger::Entry> Ledger::Find(const model::ObjectName& service) const {
  const std::lock_guard lock(mutex_);
  const auto place = entries_.find(service);
  if (place == entries_.end()) return std::nullopt;
  return place->second;
}

std::vector<Ledger::Entry> Ledger::PageAfter(const model::ObjectName* last, size_t limit) const {
  std::vector<Entry> page;
  const std::lock_guard lock(mutex_);
  auto place = last == nullptr ? entries_.begin() : entries_.upper_bound(*last);
  for (; place != entries_.end() && page.size() < limit; ++place) page.push_back(place->second);
  return page;
}

Ledger::Totals Ledger::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

std::vector<report::ServiceHealth> Ledger::HealthChecks() const {
  std::vector<report::ServiceHealth> checks;
  const std::lock_guard lock(mutex_);
  for (const model::ObjectName& name : health_checked_) {
    const model::ServicePlan& plan = *entries_.at(name).plan;
    for (const model::IpFamily family : {model::IpFamily::kV4, model::IpFamily::kV6}) {
      if (const std::optional<uint32_t> ready = plan.LocalReady(family); ready.has_value()) {
        checks.push_back({name, plan.health_check_node_port, family, *ready});
      }
    }
  }
  return checks;
}

std::vector<report::StatusProblem> Ledger::Problems(size_t limit) const {
  std::vector<report::StatusProblem> problems;
  size_t looked_at = 0;
  const std::lock_guard lock(mutex_);
  for (const model::ObjectName& name : troubled_) {
    if (problems.size() >= limit) break;
    for (report::StatusProblem& problem : ProblemsOf(entries_.at(name))) problems.push_back(std::move(problem));
    ++looked_at;
  }
  if (problems.size() > limit) problems.resize(limit);
  if (looked_at < troubled_.size()) {
    problems.push_back({"", absl::StrCat("and ", troubled_.size() - looked_at, " more Services with problems")});
  }
  return problems;
}

}  // namespace shunt::agent
