// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_ADMIN_STATUS_MESSAGE_H_
#define SHUNT_ADMIN_STATUS_MESSAGE_H_

#include "shunt/admin/v1/status.pb.h"
#include "userspace/report/agent_status.h"

namespace shunt::admin {

v1::AgentStatus ToMessage(const report::AgentStatus& status);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_STATUS_MESSAGE_H_
