// SPDX-License-Identifier: Apache-2.0
// Shows a plan in lines that a person can judge.
#ifndef SHUNT_TESTS_SCENARIOS_PLAN_TEXT_H_
#define SHUNT_TESTS_SCENARIOS_PLAN_TEXT_H_

#include <string>

#include "userspace/model/service_plan.h"

namespace shunt::scenarios {

// For example:
//
//     service shop/web
//       port http 80/TCP IPv4
//         10.96.0.10:80/TCP ClusterIP -> pool cluster
//         0.0.0.0:30080/TCP NodePort -> pool cluster, from outside pool local
//         pool cluster
//           10.244.1.5:8080 weight 1, share 50.00%
//           10.244.2.7:8080 weight 1, share 50.00%
//           10.244.3.9:8080 keeps its flows
//         pool local: local miss
//         left out 10.244.3.9:8080 of slice web-1: not_ready
//
// A share is what the pool's slots give the member, which its weight only promises.
std::string PlanText(const model::ServicePlan& plan);

}  // namespace shunt::scenarios

#endif  // SHUNT_TESTS_SCENARIOS_PLAN_TEXT_H_
