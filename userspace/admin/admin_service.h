// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_ADMIN_ADMIN_SERVICE_H_
#define SHUNT_ADMIN_ADMIN_SERVICE_H_

#include <memory>

#include "userspace/report/agent_status.h"

namespace grpc {
class Service;
}

namespace shunt::admin {

// shunt.admin.v1.AdminService over `queries`, to be registered with a gRPC server.
std::unique_ptr<grpc::Service> MakeAdminService(report::AgentQueries queries);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_ADMIN_SERVICE_H_
