// SPDX-License-Identifier: Apache-2.0
// `shuntd run`: makes the parts of the agent, serves, and stops them again.
#ifndef SHUNT_AGENT_RUN_H_
#define SHUNT_AGENT_RUN_H_

#include "userspace/agent/process/exit_status.h"
#include "userspace/agent/settings/options.h"

namespace shunt::agent {

// Serves until SIGTERM or SIGINT. Pins and programs stay in force. REQUIRES: called from main while the process has one
// thread; `options` are those of Verb::kRun.
ExitStatus Run(const Options& options);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_RUN_H_
