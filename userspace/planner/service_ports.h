// SPDX-License-Identifier: Apache-2.0
// What a Service says about its ports, apart from addresses. The API server lets no such fault through as is met
// here; manifests do.
#ifndef SHUNT_PLANNER_SERVICE_PORTS_H_
#define SHUNT_PLANNER_SERVICE_PORTS_H_

#include <cstdint>
#include <vector>

#include "userspace/model/service.h"
#include "userspace/planner/warnings.h"

namespace shunt::planner {

// The ports that can be dialled, at most `ports_max`, in the Service's order: none with number 0, and of several with
// one number and protocol the first. Of several with one NodePort and protocol the first keeps it, the others are
// returned without.
std::vector<model::ServicePort> ReadPorts(const model::Service& service, uint32_t ports_max, Warnings& warnings);

// Seconds, 0 for no affinity; brought into the API's limits with a warning.
int32_t ReadAffinityTimeout(const model::Service& service, Warnings& warnings);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_SERVICE_PORTS_H_
