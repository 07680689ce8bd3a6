// SPDX-License-Identifier: Apache-2.0
// Decides which Service holds a frontend that several claim. It is the only planner state that spans Services.
//
// Order of precedence: the frontend's kind (ClusterIP, NodePort, LoadBalancer, ExternalIP, so that an externalIP cannot
// take a ClusterIP, CVE-2020-8554), then the older creationTimestamp (an unknown one counts as the newest), then
// namespace/name. It depends on the objects alone, so every node and every restart agree.
//
// The cost of an update follows what changes: each claim that comes or goes costs a search among those of its frontend,
// however many there are, and only Services that win or lose a frontend have to be planned again.
#ifndef SHUNT_PLANNER_FRONTEND_CLAIMS_H_
#define SHUNT_PLANNER_FRONTEND_CLAIMS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/node_hash_map.h"
#include "absl/functional/function_ref.h"
#include "userspace/model/service_plan.h"

namespace shunt::planner {

// Not thread-safe.
class FrontendClaims {
 public:
  // Says whether another Service may win or lose frontends in this Update. Asked once for each that would.
  using MayChange = absl::FunctionRef<bool(const model::ObjectName&)>;

  struct Result {
    // The other Services that win or lose a frontend by this, in name order: they must be updated again.
    std::vector<model::ObjectName> changed;
    // False if `may_change` has refused one: Update has to be called again, with the same plan or a newer one.
    bool complete = true;
    // True if the Service still claims frontends that `plan` does not have and others wait for. Its frontends in the
    // kernel have to stay; Judge says which ones.
    bool keeps_old = false;
  };

  // Replaces the claims of plan.service with the frontends of `plan` (without frontends, withdraws them all) and sets
  // `conflict_with` in every frontend, by the holders as they are then. It stops before the first claim by which a
  // Service changes that may not; claims are given up before others are entered. A Service that loses as before, to
  // another one, does not change: its plan's `conflict_with` names the new holder by itself.
  Result Update(model::ServicePlan& plan, MayChange may_change);

  // Sets `conflict_with` in every frontend of `plan`, whose claims stay as they are.
  void Judge(model::ServicePlan& plan) const;

  // Returns how many claims have come, gone or got another rank so far.
  uint64_t moves() const { return moves_; }

 private:
  struct Claimant;
  struct Claim {
    model::FrontendKind kind;
    int64_t age;  // the lower, the older
    const Claimant* service;

    // Compares names only between Services of one age.
    bool operator<(const Claim& other) const;
    friend bool operator==(const Claim&, const Claim&) = default;
  };
  // Several Services claim a frontend.
  struct Contest {
    absl::btree_set<Claim> claims;  // the best first, one per Service; at least two
    model::FrontendHolder holder;   // the service of the best; all losers' plans share it
  };
  struct Place {
    Claim best{};  // without a service: no Service claims it
    std::unique_ptr<Contest> contest;
  };
  using Places = absl::node_hash_map<model::FrontendAddress, Place>;
  using Claims = absl::btree_map<Places::value_type*, Claim>;
  struct Claimant {
    model::ObjectName name;
    Claims claims;
  };
  // A claim that comes, goes, or gets another rank.
  struct Move {
    Places::value_type* place;
    std::optional<Claim> before;
    std::optional<Claim> after;
    const Claimant* holder_before;  // null: no Service
    const Claimant* holder_after;

    bool Flips() const { return holder_before != holder_after; }
  };
  class Changed;

  std::vector<Move> Moves(const model::ServicePlan& plan, const Claimant& claimant);
  void Make(const Move& move, Claimant& claimant);
  static const Claimant* HolderAfter(const Move& move, const Claimant& claimant);

  Places places_;
  absl::node_hash_map<model::ObjectName, Claimant> claimants_;
  uint64_t moves_ = 0;
};

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_FRONTEND_CLAIMS_H_
