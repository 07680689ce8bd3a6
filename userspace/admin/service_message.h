// SPDX-License-Identifier: Apache-2.0
// A Service's plan and what became of it, as a message.
#ifndef SHUNT_ADMIN_SERVICE_MESSAGE_H_
#define SHUNT_ADMIN_SERVICE_MESSAGE_H_

#include <vector>

#include "shunt/admin/v1/service.pb.h"
#include "userspace/report/agent_status.h"

namespace shunt::admin {

enum class EndpointDetail { kCountsOnly, kEveryEndpoint };

v1::Service ToMessage(const report::ServiceStatus& status, EndpointDetail detail);
v1::FrontendKind ToMessage(model::FrontendKind kind);
v1::EndpointVerdict ToMessage(model::EndpointVerdict verdict);

// The share of new connections, in percent, of each of the pool's members: by its alias table, as the kernel draws.
std::vector<double> SharesPercent(const model::Pool& pool);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_SERVICE_MESSAGE_H_
