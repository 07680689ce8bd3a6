// SPDX-License-Identifier: Apache-2.0
// The exit statuses of shuntd, which docs/operations.md promises to users.
#ifndef SHUNT_AGENT_PROCESS_EXIT_STATUS_H_
#define SHUNT_AGENT_PROCESS_EXIT_STATUS_H_

namespace shunt::agent {

enum ExitStatus : int {
  kExitOk = 0,      // the agent was asked to stop, or the command is done
  kExitFailed = 1,  // it failed at run time, or this host cannot run the agent
  kExitUsage = 2,   // the command line or the configuration is wrong
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_PROCESS_EXIT_STATUS_H_
