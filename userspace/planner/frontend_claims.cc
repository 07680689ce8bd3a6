// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/frontend_claims.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace shunt::planner {

bool FrontendClaims::Claim::operator<(const Claim& other) const {
  if (kind != other.kind) return kind < other.kind;
  if (age != other.age) return age < other.age;
  return service != other.service && service->name < other.service->name;
}

// The other Services that win or lose by an Update of `claimant`.
class FrontendClaims::Changed {
 public:
  Changed(const Claimant& claimant, MayChange may_change) : claimant_(claimant), may_change_(may_change) {}

  // Notes those that the move changes. Returns false if one of them may not change.
  bool Allows(const Move& move) {
    if (!move.Flips()) return true;
    for (const Claimant* one : {move.holder_before, move.holder_after}) {
      if (one == nullptr || one == &claimant_ || changed_.contains(one)) continue;
      if (!may_change_(one->name)) return false;
      changed_.insert(one);
    }
    return true;
  }
  std::vector<model::ObjectName> Names() const {
    std::vector<model::ObjectName> names;
    names.reserve(changed_.size());
    for (const Claimant* one : changed_) names.push_back(one->name);
    std::sort(names.begin(), names.end());
    return names;
  }

 private:
  const Claimant& claimant_;
  MayChange may_change_;
  absl::btree_set<const Claimant*> changed_;
};

// Returns what has to happen so that the Service claims what the plan has, in this order: claims that others wait for
// are given up; what is given up or entered without a change of the holder; frontends that are taken.
std::vector<FrontendClaims::Move> FrontendClaims::Moves(const model::ServicePlan& plan, const Claimant& claimant) {
  const int64_t age = plan.creation_time_s == 0 ? std::numeric_limits<int64_t>::max() : plan.creation_time_s;
  Claims wanted;
  for (const model::PortPlan& port : plan.ports) {
    for (const model::Frontend& frontend : port.frontends) {
      const Claim claim = {frontend.kind, age, &claimant};
      const auto [place, is_new] = wanted.emplace(&*places_.try_emplace(frontend.address).first, claim);
      // If the plan names a frontend twice, its best kind counts.
      if (!is_new) place->second = std::min(place->second, claim);
    }
  }
  std::vector<Move> moves;
  for (const auto& [place, claim] : claimant.claims) {
    if (!wanted.contains(place)) moves.push_back({place, claim, std::nullopt, nullptr, nullptr});
  }
  for (const auto& [place, claim] : wanted) {
    const auto own = claimant.claims.find(place);
    if (own == claimant.claims.end()) {
      moves.push_back({place, std::nullopt, claim, nullptr, nullptr});
    } else if (own->second != claim) {
      moves.push_back({place, own->second, claim, nullptr, nullptr});
    }
  }
  for (Move& move : moves) {
    move.holder_before = move.place->second.best.service;
    move.holder_after = HolderAfter(move, claimant);
  }
  const auto turn = [](const Move& move) {
    if (!move.Flips() || move.holder_after == nullptr) return 1;
    return move.after.has_value() ? 2 : 0;
  };
  std::stable_sort(moves.begin(), moves.end(), [&](const Move& a, const Move& b) { return turn(a) < turn(b); });
  return moves;
}

// Returns null if no Service will hold it.
const FrontendClaims::Claimant* FrontendClaims::HolderAfter(const Move& move, const Claimant& claimant) {
  const Place& place = move.place->second;
  const Claim* best = place.best.service == nullptr ? nullptr : &place.best;
  if (best != nullptr && best->service == &claimant) {
    best = place.contest == nullptr ? nullptr : &*std::next(place.contest->claims.begin());
  }
  if (move.after.has_value() && (best == nullptr || *move.after < *best)) best = &*move.after;
  return best == nullptr ? nullptr : best->service;
}

void FrontendClaims::Make(const Move& move, Claimant& claimant) {
  ++moves_;
  Place& place = move.place->second;
  if (place.contest == nullptr && place.best.service != nullptr && !move.before.has_value()) {
    place.contest = std::make_unique<Contest>();
    place.contest->claims.insert(place.best);
    place.contest->holder = place.best.service->name;
  }
  if (place.contest == nullptr) {
    place.best = move.after.value_or(Claim{});
  } else {
    // Entered before the old one goes, so that a claim that changes its rank never ends the contest.
    if (move.after.has_value()) place.contest->claims.insert(*move.after);
    if (move.before.has_value()) place.contest->claims.erase(*move.before);
    place.best = *place.contest->claims.begin();
    if (move.Flips()) place.contest->holder.Rename(place.best.service->name);
    if (place.contest->claims.size() == 1) place.contest.reset();
  }
  if (move.after.has_value()) {
    claimant.claims.insert_or_assign(move.place, *move.after);
  } else {
    claimant.claims.erase(move.place);
  }
}

FrontendClaims::Result FrontendClaims::Update(model::ServicePlan& plan, MayChange may_change) {
  Claimant& claimant = claimants_[plan.service];
  claimant.name = plan.service;
  Changed changed(claimant, may_change);
  Result result;
  for (const Move& move : Moves(plan, claimant)) {
    // A move concerns its own frontend only, so those that are left stay as they were judged.
    result.complete = result.complete && changed.Allows(move);
    if (result.complete) {
      Make(move, claimant);
    } else {
      result.keeps_old |= !move.after.has_value();
    }
    if (move.place->second.best.service == nullptr) places_.erase(move.place->first);
  }
  result.changed = changed.Names();
  Judge(plan);
  if (claimant.claims.empty()) claimants_.erase(plan.service);
  return result;
}

void FrontendClaims::Judge(model::ServicePlan& plan) const {
  const auto own = claimants_.find(plan.service);
  const Claimant* const claimant = own == claimants_.end() ? nullptr : &own->second;
  for (model::PortPlan& port : plan.ports) {
    for (model::Frontend& frontend : port.frontends) {
      frontend.conflict_with = {};
      const auto found = places_.find(frontend.address);
      if (found == places_.end()) continue;
      const Place& place = found->second;
      if (place.best.service == claimant) continue;
      frontend.conflict_with =
          place.contest != nullptr ? place.contest->holder : model::FrontendHolder(place.best.service->name);
    }
  }
}

}  // namespace shunt::planner
