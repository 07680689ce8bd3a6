// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/ledger.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace shunt::agent {
namespace {

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

void CountWarned(const model::ServicePlan& plan, int sign, report::WarnedServices& warned) {
  const std::array<bool, report::kWarningKinds> has = report::WarningKindsOf(plan);
  for (size_t kind = 0; kind < has.size(); ++kind) warned[kind] += has[kind] ? sign : 0;
}

std::string More(size_t services) {
  return absl::StrCat(services, services == 1 ? " more Service" : " more Services");
}

void Keep(bool wanted, const model::ObjectName& name, absl::btree_set<model::ObjectName>& names) {
  if (wanted) {
    names.insert(name);
  } else {
    names.erase(name);
  }
}

}  // namespace

Ledger::Held Ledger::HeldBy(const model::ServicePlan& plan) {
  Held held{.services = plan.ports.empty() ? 0u : 1u, .frontends = 0};
  for (const model::PortPlan& port : plan.ports) {
    for (const model::Frontend& frontend : port.frontends) held.frontends += frontend.IsProgrammed() ? 1 : 0;
  }
  return held;
}

void Ledger::Count(const Known& known, int sign) {
  totals_.services += sign * static_cast<int>(known.held.services);
  totals_.frontends += sign * static_cast<int>(known.held.frontends);
  totals_.failed += known.entry.applied.ok() ? 0 : sign;
  const model::ServicePlan& plan = *known.entry.plan;
  for (const model::PortPlan& port : plan.ports) CountLocalMisses(port, sign, totals_.local_misses);
  CountWarned(plan, sign, totals_.warned);
}

void Ledger::Record(std::shared_ptr<const model::ServicePlan> plan, absl::Status applied) {
  const model::ObjectName name = plan->service;
  const bool health_checked = plan->health_check_node_port != 0;
  const bool failed = !applied.ok();
  const std::array<bool, report::kWarningKinds> kinds = report::WarningKindsOf(*plan);
  const bool warned = std::find(kinds.begin(), kinds.end(), true) != kinds.end();
  Known known{.entry = {std::move(plan), std::move(applied)}, .held = {}};
  if (!failed) known.held = HeldBy(*known.entry.plan);
  const std::lock_guard lock(mutex_);
  const auto place = entries_.find(name);
  if (place != entries_.end()) {
    if (failed) known.held = place->second.held;
    Count(place->second, -1);
  }
  Count(known, +1);
  if (place == entries_.end()) {
    entries_.emplace(name, std::move(known));
  } else {
    // The old plan is destroyed with `known`, after the lock is released.
    std::swap(place->second, known);
  }
  Keep(failed, name, failed_);
  Keep(warned, name, warned_);
  Keep(health_checked, name, health_checked_);
}

void Ledger::Erase(const model::ObjectName& service) {
  const std::lock_guard lock(mutex_);
  const auto place = entries_.find(service);
  if (place == entries_.end()) return;
  Count(place->second, -1);
  entries_.erase(place);
  failed_.erase(service);
  warned_.erase(service);
  health_checked_.erase(service);
}

std::optional<Ledger::Entry> Ledger::Find(const model::ObjectName& service) const {
  const std::lock_guard lock(mutex_);
  const auto place = entries_.find(service);
  if (place == entries_.end()) return std::nullopt;
  return place->second.entry;
}

std::vector<Ledger::Entry> Ledger::PageAfter(const model::ObjectName* last, size_t limit) const {
  std::vector<Entry> page;
  const std::lock_guard lock(mutex_);
  auto place = last == nullptr ? entries_.begin() : entries_.upper_bound(*last);
  for (; place != entries_.end() && page.size() < limit; ++place) page.push_back(place->second.entry);
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
    const model::ServicePlan& plan = *entries_.at(name).entry.plan;
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
  const std::lock_guard lock(mutex_);
  for (const model::ObjectName& name : failed_) {
    if (problems.size() >= limit) break;
    problems.push_back(
        {absl::StrCat("Service ", name.ToString()),
         absl::StrCat("not in the kernel, will be retried: ", entries_.at(name).entry.applied.message())});
  }
  if (problems.size() < failed_.size()) {
    problems.push_back({"", absl::StrCat("and ", More(failed_.size() - problems.size()), " with problems")});
  }
  return problems;
}

std::vector<report::ServiceWarning> Ledger::Warnings(size_t limit) const {
  // A plan may have thousands of frontends: its warnings are put into words without the lock.
  std::vector<std::shared_ptr<const model::ServicePlan>> plans;
  size_t all = 0;
  {
    const std::lock_guard lock(mutex_);
    all = warned_.size();
    for (const model::ObjectName& name : warned_) {
      if (plans.size() == limit) break;
      plans.push_back(entries_.at(name).entry.plan);
    }
  }
  std::vector<report::ServiceWarning> warnings;
  size_t looked_at = 0;
  for (const std::shared_ptr<const model::ServicePlan>& plan : plans) {
    if (warnings.size() >= limit) break;
    for (report::ServiceWarning& warning : report::WarningsOf(*plan)) warnings.push_back(std::move(warning));
    ++looked_at;
  }
  if (warnings.size() > limit) warnings.resize(limit);
  if (looked_at < all) {
    warnings.push_back({.what = absl::StrCat("and ", More(all - looked_at), " with warnings")});
  }
  return warnings;
}

}  // namespace shunt::agent
