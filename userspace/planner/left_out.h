// SPDX-License-Identifier: Apache-2.0
// Says in sentences which endpoints of a ServicePort are left out by a fault of their objects, so that no port is
// without endpoints in silence. What the conditions, hints and policies leave out is no fault, and only in the plan.
#ifndef SHUNT_PLANNER_LEFT_OUT_H_
#define SHUNT_PLANNER_LEFT_OUT_H_

#include <cstdint>

#include "userspace/model/ip_address.h"
#include "userspace/model/service.h"
#include "userspace/planner/endpoint_collection.h"
#include "userspace/planner/warnings.h"

namespace shunt::planner {

// Adds at most one sentence for each fault, with the number of endpoints and the first of them: addresses that cannot
// be read, addresses of a class that ForbiddenClass() names, endpoints beyond `endpoints_max`, and a port that no
// slice has. A sentence about addresses does not name the port, so that it appears once for all ports of a Service.
// REQUIRES: SelectEndpoints and BuildPool have judged the candidates.
void WarnOfLeftOut(const model::ServicePort& port, model::IpFamily family, const Candidates& candidates,
                   uint32_t endpoints_max, Warnings& warnings);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_LEFT_OUT_H_
