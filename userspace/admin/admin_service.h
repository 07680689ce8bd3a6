// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_ADMIN_ADMIN_SERVICE_H_
#define SHUNT_ADMIN_ADMIN_SERVICE_H_

#include <memory>

#include "userspace/report/agent_view.h"

namespace grpc {
class Service;
}

namespace shunt::admin {

// Returns shunt.admin.v1.AdminService, which answers from `view`, to be registered with a gRPC server. `view` must
// outlive the service.
std::unique_ptr<grpc::Service> MakeAdminService(const report::AgentView& view);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_ADMIN_SERVICE_H_
