// SPDX-License-Identifier: Apache-2.0
// `shuntd run`: everything put together and taken apart again.
#ifndef SHUNT_AGENT_RUN_H_
#define SHUNT_AGENT_RUN_H_

#include "userspace/agent/process/exit_status.h"
#include "userspace/agent/settings/options.h"

namespace shunt::agent {

// Serves until SIGTERM or SIGINT, and leaves pins and programs in force then. REQUIRES: called from main, with one
// thread; `options` are those of Verb::kRun.
ExitStatus Run(const Options& options);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_RUN_H_
