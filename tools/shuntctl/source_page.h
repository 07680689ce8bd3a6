// SPDX-License-Identifier: Apache-2.0
// What `shuntctl status` shows of the Kubernetes API.
#ifndef SHUNT_TOOLS_SHUNTCTL_SOURCE_PAGE_H_
#define SHUNT_TOOLS_SHUNTCTL_SOURCE_PAGE_H_

#include <string>

#include "shunt/admin/v1/status.pb.h"
#include "tools/shuntctl/table.h"

namespace shunt::shuntctl {

// Returns "https://10.0.0.1:6443, reachable" and the like; empty if the source has no API server.
std::string ServerText(const admin::v1::AgentStatus& status);

// Returns a table with one row per resource; empty if none is watched.
Table WatchedTable(const admin::v1::AgentStatus& status, bool wide);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_SOURCE_PAGE_H_
