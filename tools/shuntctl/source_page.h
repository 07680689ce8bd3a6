// SPDX-License-Identifier: Apache-2.0
// What `shuntctl status` shows of the Kubernetes API.
#ifndef SHUNT_TOOLS_SHUNTCTL_SOURCE_PAGE_H_
#define SHUNT_TOOLS_SHUNTCTL_SOURCE_PAGE_H_

#include <string>

#include "shunt/admin/v1/status.pb.h"
#include "tools/shuntctl/table.h"

namespace shunt::shuntctl {

// "https://10.0.0.1:6443, reachable"; empty if the source has none.
std::string ServerText(const admin::v1::AgentStatus& status);

// A row a resource; empty if none is watched.
Table WatchedTable(const admin::v1::AgentStatus& status, bool wide);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_SOURCE_PAGE_H_
