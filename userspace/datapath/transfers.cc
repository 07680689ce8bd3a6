// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/transfers.h"

#include <algorithm>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace shunt::datapath {
namespace {

template <typename Visit>
void ForEachProgrammedKey(const Request& request, const Visit& visit) {
  if (request.plan == nullptr) return;
  for (const model::PortPlan& port : request.plan->ports) {
    for (const model::Frontend& frontend : port.frontends) {
      if (frontend.IsProgrammed()) visit(EncodeFrontend(frontend.address));
    }
  }
}

}  // namespace

Transfers::Transfers(absl::Span<const Request> requests) {
  // Find the keys that their Services give up.
  FrontendKeySet planned;
  for (const Request& request : requests) {
    if (request.state->frontends.empty()) continue;
    planned.clear();
    ForEachProgrammedKey(request, [&](const shunt_frontend_key& key) { planned.insert(key); });
    for (const shunt_frontend_key& key : request.state->frontends) {
      if (!planned.contains(key)) transfers_[key].giver = request.state;
    }
  }
  if (transfers_.empty()) return;
  // Keep those that another Service wants.
  for (const Request& request : requests) {
    ForEachProgrammedKey(request, [&](const shunt_frontend_key& key) {
      const auto found = transfers_.find(key);
      if (found != transfers_.end() && found->second.giver != request.state && found->second.taker == nullptr) {
        found->second.taker = request.state;
      }
    });
  }
  absl::erase_if(transfers_, [](const auto& entry) { return entry.second.taker == nullptr; });
}

const Transfers::Transfer* Transfers::Find(const shunt_frontend_key& key) const {
  if (transfers_.empty()) return nullptr;
  const auto found = transfers_.find(key);
  return found == transfers_.end() ? nullptr : &found->second;
}

void Transfers::NamePartners(std::vector<ServiceFailure>& failures) const {
  if (failures.empty() || transfers_.empty()) return;
  absl::flat_hash_map<model::ObjectName, absl::btree_set<model::ObjectName>> partners;
  for (const ServiceFailure& failure : failures) partners[failure.service];
  for (const auto& [key, transfer] : transfers_) {
    const model::ObjectName& giver = transfer.giver->name;
    const model::ObjectName& taker = transfer.taker->name;
    if (const auto failed = partners.find(giver); failed != partners.end()) failed->second.insert(taker);
    if (const auto failed = partners.find(taker); failed != partners.end()) failed->second.insert(giver);
  }
  for (ServiceFailure& failure : failures) {
    const auto& of_it = partners[failure.service];
    failure.partners.assign(of_it.begin(), of_it.end());
  }
}

void FailTakers(absl::Span<const std::unique_ptr<Change>> changes) {
  const auto takes = [](const std::unique_ptr<Change>& change) { return !change->takes_from().empty(); };
  if (std::none_of(changes.begin(), changes.end(), takes)) return;
  ServiceSet giving;
  for (const std::unique_ptr<Change>& change : changes) {
    if (change->ok()) giving.insert(&change->service());
  }
  for (bool again = true; again;) {
    again = false;
    for (const std::unique_ptr<Change>& change : changes) {
      if (!change->ok()) continue;
      const auto keeps = [&](const ServiceState* giver) { return !giving.contains(giver); };
      const auto giver = std::find_if(change->takes_from().begin(), change->takes_from().end(), keeps);
      if (giver == change->takes_from().end()) continue;
      change->Fail(absl::FailedPreconditionError(
          absl::StrCat("apply Service ", change->service().name.ToString(), ": takes a frontend of Service ",
                       (*giver)->name.ToString(), ", which could not be applied")));
      giving.erase(&change->service());
      again = true;
    }
  }
}

}  // namespace shunt::datapath
