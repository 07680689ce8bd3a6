// SPDX-License-Identifier: Apache-2.0
// Decides which Service holds a frontend that several claim. It is the only planner state that spans Services.
//
// Order of precedence: the frontend's kind (ClusterIP, NodePort, LoadBalancer, ExternalIP, so that an externalIP cannot
// take a ClusterIP, CVE-2020-8554), then the older creationTimestamp (an unknown one counts as the newest), then
// namespace/name. It depends on the objects alone, so every node and every restart agree.
#ifndef SHUNT_PLANNER_FRONTEND_CLAIMS_H_
#define SHUNT_PLANNER_FRONTEND_CLAIMS_H_

#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "userspace/model/service_plan.h"

namespace shunt::planner {

// Not thread-safe.
class FrontendClaims {
 public:
  // Replaces the claims of plan.service with the frontends of `plan` (without frontends, withdraws them all) and sets
  // `conflict_with` in every frontend. Returns the other Services whose conflicts this changes, in name order: they
  // must be updated again.
  std::vector<model::ObjectName> Update(model::ServicePlan& plan);

 private:
  struct Claim {
    model::FrontendKind kind;
    int64_t creation_time_s;
    model::ObjectName service;

    bool Outranks(const Claim& other) const;
  };
  using ClaimList = absl::InlinedVector<Claim, 1>;  // the best claim first, one per Service; never empty

  // Returns the Service that holds the frontend; an empty name if no Service claims it.
  model::ObjectName Holder(const model::FrontendAddress& address) const;
  void Withdraw(const model::FrontendAddress& address, const model::ObjectName& service);
  void Enter(const model::FrontendAddress& address, Claim claim);

  absl::flat_hash_map<model::FrontendAddress, ClaimList> claims_;
  absl::flat_hash_map<model::ObjectName, std::vector<model::FrontendAddress>> frontends_of_;
};

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_FRONTEND_CLAIMS_H_
