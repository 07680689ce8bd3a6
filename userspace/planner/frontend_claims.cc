// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/frontend_claims.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace shunt::planner {

bool FrontendClaims::Claim::Outranks(const Claim& other) const {
  const auto age = [](const Claim& claim) {
    return claim.creation_time_s == 0 ? std::numeric_limits<int64_t>::max() : claim.creation_time_s;
  };
  if (kind != other.kind) return kind < other.kind;
  if (age(*this) != age(other)) return age(*this) < age(other);
  return service < other.service;
}

model::ObjectName FrontendClaims::Holder(const model::FrontendAddress& address) const {
  const auto found = claims_.find(address);
  return found == claims_.end() ? model::ObjectName() : found->second.front().service;
}

void FrontendClaims::Withdraw(const model::FrontendAddress& address, const model::ObjectName& service) {
  const auto found = claims_.find(address);
  ClaimList& list = found->second;
  list.erase(std::remove_if(list.begin(), list.end(), [&](const Claim& claim) { return claim.service == service; }),
             list.end());
  if (list.empty()) claims_.erase(found);
}

void FrontendClaims::Enter(const model::FrontendAddress& address, Claim claim) {
  ClaimList& list = claims_[address];
  const auto next = std::find_if(list.begin(), list.end(), [&](const Claim& other) { return claim.Outranks(other); });
  list.insert(next, std::move(claim));
}

std::vector<model::ObjectName> FrontendClaims::Update(model::ServicePlan& plan) {
  // The frontends that this touches, with their holders before.
  absl::flat_hash_map<model::FrontendAddress, model::ObjectName> holders_before;
  std::vector<model::FrontendAddress>& own = frontends_of_[plan.service];
  for (const model::FrontendAddress& address : own) {
    holders_before.emplace(address, Holder(address));
    Withdraw(address, plan.service);
  }
  own.clear();
  for (const model::PortPlan& port : plan.ports) {
    for (const model::Frontend& frontend : port.frontends) {
      holders_before.try_emplace(frontend.address, Holder(frontend.address));
      Enter(frontend.address, {frontend.kind, plan.creation_time_s, plan.service});
      own.push_back(frontend.address);
    }
  }
  if (own.empty()) frontends_of_.erase(plan.service);

  for (model::PortPlan& port : plan.ports) {
    for (model::Frontend& frontend : port.frontends) {
      frontend.conflict_with = Holder(frontend.address);
      if (frontend.conflict_with == plan.service) frontend.conflict_with = {};
    }
  }

  // A new holder changes `conflict_with` for every other Service that claims the frontend.
  std::set<model::ObjectName> changed;
  for (const auto& [address, holder_before] : holders_before) {
    const auto found = claims_.find(address);
    if (found == claims_.end() || found->second.front().service == holder_before) continue;
    for (const Claim& claim : found->second) {
      if (claim.service != plan.service) changed.insert(claim.service);
    }
  }
  return {changed.begin(), changed.end()};
}

}  // namespace shunt::planner
