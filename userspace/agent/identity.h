// SPDX-License-Identifier: Apache-2.0
// What the agent's status says that does not change while it runs.
#ifndef SHUNT_AGENT_IDENTITY_H_
#define SHUNT_AGENT_IDENTITY_H_

#include "userspace/agent/cluster_source.h"
#include "userspace/agent/settings/options.h"
#include "userspace/datapath/kernel/kernel_datapath.h"
#include "userspace/report/agent_status.h"

namespace shunt::agent {

// Returns the fields version to start_time_ms, observing as configured, and in `problems` what was wrong at the start.
// Warns in the log if a kube-proxy runs on this node. Called before this agent's HTTP servers listen: they use the port
// at which a kube-proxy is looked for.
report::AgentStatus IdentityOf(const Options& options, const datapath::KernelDatapath& datapath,
                               const ClusterSource& source);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_IDENTITY_H_
