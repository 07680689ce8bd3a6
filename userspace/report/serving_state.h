// SPDX-License-Identifier: Apache-2.0
// What a client of a Service meets, in one word: the API, `shuntctl` and monitors show the same.
#ifndef SHUNT_REPORT_SERVING_STATE_H_
#define SHUNT_REPORT_SERVING_STATE_H_

#include <cstdint>

#include "userspace/model/service_plan.h"
#include "userspace/report/agent_status.h"

namespace shunt::report {

// From the best to the worst.
enum class ServingState : uint8_t {
  kReady,             // as planned: connections get an endpoint
  kNothingToServe,    // of a Service only: it has no port in the plan, as a headless one or an ExternalName
  kNotServed,         // no frontend of the port is served on this node: see model::FrontendVerdict
  kNoLocalEndpoints,  // a Local policy, and no endpoint here for clients on this node
  kNoEndpoints,       // no endpoint anywhere: connections are refused
  kConflict,          // another Service holds one of its frontends
  kFailed,            // the kernel does not hold the plan
};

// Returns kNotServed if the kernel should hold nothing of the port, and otherwise the worst state that applies.
// `applied`: whether the kernel holds the plan.
ServingState ServingStateOf(const model::PortPlan& port, bool applied);

// Returns the worst of its ports; kNothingToServe or kFailed if it has none.
ServingState ServingStateOf(const ServiceStatus& service);

// Returns whether clients on this node may be sent to the pool with this index. A frontend that is not programmed sends
// no client. If no frontend at all is known, they may.
bool ServesThisNode(const model::PortPlan& port, uint32_t pool);

}  // namespace shunt::report

#endif  // SHUNT_REPORT_SERVING_STATE_H_
