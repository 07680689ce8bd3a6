// SPDX-License-Identifier: Apache-2.0
// The verbs that do one thing and print it: `shuntd cleanup`, `check`, `version`.
#ifndef SHUNT_AGENT_HOST_VERBS_H_
#define SHUNT_AGENT_HOST_VERBS_H_

#include <ostream>
#include <vector>

#include "userspace/agent/process/exit_status.h"
#include "userspace/agent/settings/options.h"
#include "userspace/datapath/kernel/attach/host_check.h"

namespace shunt::agent {

// Removes every pin and link, and prints which. Fails while an agent runs. With `options.stay` it then waits for
// SIGTERM or SIGINT. REQUIRES: the calling thread is the only one of the process.
ExitStatus CleanUp(const Options& options, std::ostream& out, std::ostream& err);

// Reports what this host has and what it lacks. Returns kExitFailed if shuntd cannot run on it.
ExitStatus Check(const Options& options, std::ostream& out);
// Prints `findings`. Returns kExitFailed if something is missing.
ExitStatus PrintFindings(const std::vector<datapath::Finding>& findings, std::ostream& out);

void PrintVersion(std::ostream& out);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_HOST_VERBS_H_
