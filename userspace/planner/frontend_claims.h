// SPDX-License-Identifier: Apache-2.0
// Which Service holds a frontend that several claim. The only planner state that spans Services.
//
// Order of precedence: the frontend's kind (ClusterIP, NodePort, LoadBalancer, ExternalIP: so nobody can
// take a ClusterIP with an externalIP, CVE-2020-8554), then the older creationTimestamp (an unknown one counts
// as the newest), then namespace/name. It depends on the objects alone, so every node and every restart agree.
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
  // Replaces the claims of plan.service by the frontends of `plan` (none: withdraws them all) and writes
  // the verdict into every frontend's `conflict_with`. Returns the other Services whose verdicts changed by
  // this and must be judged again, in name order.
  std::vector<model::ObjectName> Update(model::ServicePlan& plan);

 private:
  struct Claim {
    model::FrontendKind kind;
    int64_t creation_time_s;
    model::ObjectName service;

    bool Outranks(const Claim& other) const;
  };
  using ClaimList = absl::InlinedVector<Claim, 1>;  // best claim first, one a Service; never empty

  // The Service that holds the frontend; empty if nobody claims it.
  model::ObjectName Holder(const model::FrontendAddress& address) const;
  void Withdraw(const model::FrontendAddress& address, const model::ObjectName& service);
  void Enter(const model::FrontendAddress& address, Claim claim);

  absl::flat_hash_map<model::FrontendAddress, ClaimList> claims_;
  absl::flat_hash_map<model::ObjectName, std::vector<model::FrontendAddress>> frontends_of_;
};

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_FRONTEND_CLAIMS_H_
