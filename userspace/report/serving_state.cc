// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/serving_state.h"

#include <algorithm>

namespace shunt::report {

namespace {

// Whether the kernel should hold no frontend of the port, for another reason than a conflict.
bool IsNotServed(const model::PortPlan& port) {
  return !port.frontends.empty() &&
         std::all_of(port.frontends.begin(), port.frontends.end(), [](const model::Frontend& frontend) {
           return frontend.verdict != model::FrontendVerdict::kServed;
         });
}

}  // namespace

bool ServesThisNode(const model::PortPlan& port, uint32_t pool) {
  return port.frontends.empty() ||
         std::any_of(port.frontends.begin(), port.frontends.end(), [pool](const model::Frontend& frontend) {
           return frontend.IsProgrammed() && frontend.internal_pool == pool;
         });
}

ServingState ServingStateOf(const model::PortPlan& port, bool applied) {
  if (IsNotServed(port)) return ServingState::kNotServed;
  if (!applied) return ServingState::kFailed;
  if (std::any_of(port.frontends.begin(), port.frontends.end(),
                  [](const model::Frontend& frontend) { return frontend.InConflict(); })) {
    return ServingState::kConflict;
  }
  ServingState state = ServingState::kReady;
  for (uint32_t i = 0; i < port.pools.size(); ++i) {
    const model::Pool& pool = port.pools[i];
    if (!pool.slots.empty()) continue;
    if (pool.empty == model::EmptyPool::kNoEndpoints) return ServingState::kNoEndpoints;
    // If only clients from outside find no endpoint, the cloud's load balancer sends them to other nodes.
    if (ServesThisNode(port, i)) state = ServingState::kNoLocalEndpoints;
  }
  return state;
}

ServingState ServingStateOf(const ServiceStatus& service) {
  const bool applied = service.applied.ok();
  if (service.plan.ports.empty()) return applied ? ServingState::kNothingToServe : ServingState::kFailed;
  ServingState worst = ServingState::kReady;
  for (const model::PortPlan& port : service.plan.ports) worst = std::max(worst, ServingStateOf(port, applied));
  return worst;
}

}  // namespace shunt::report
