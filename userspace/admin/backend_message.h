// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_ADMIN_BACKEND_MESSAGE_H_
#define SHUNT_ADMIN_BACKEND_MESSAGE_H_

#include "shunt/admin/v1/backend.pb.h"
#include "userspace/report/agent_status.h"

namespace shunt::admin {

v1::Backend ToMessage(const report::BackendStatus& backend);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_BACKEND_MESSAGE_H_
