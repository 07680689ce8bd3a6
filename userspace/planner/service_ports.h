// SPDX-License-Identifier: Apache-2.0
// Reads and validates a Service's ports and its session affinity. The API server refuses the faults that these
// functions handle; manifests may have them.
#ifndef SHUNT_PLANNER_SERVICE_PORTS_H_
#define SHUNT_PLANNER_SERVICE_PORTS_H_

#include <cstdint>
#include <vector>

#include "userspace/model/service.h"
#include "userspace/planner/warnings.h"

namespace shunt::planner {

// Returns the ports that can be dialled, at most `ports_max`, in the Service's order. Leaves out ports with number 0
// and all but the first with one number and protocol. Of several ports with one NodePort and protocol, only the first
// keeps it.
std::vector<model::ServicePort> ReadPorts(const model::Service& service, uint32_t ports_max, Warnings& warnings);

// Returns the timeout in seconds, or 0 without affinity; clamps it to the API's limits with a warning.
int32_t ReadAffinityTimeout(const model::Service& service, Warnings& warnings);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_SERVICE_PORTS_H_
