// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_AGENT_PROCESS_EXIT_STATUS_H_
#define SHUNT_AGENT_PROCESS_EXIT_STATUS_H_

namespace shunt::agent {

enum ExitStatus : int {
  kExitOk = 0,      // asked to stop, or done
  kExitFailed = 1,  // failed at run time, or the host cannot run it
  kExitUsage = 2,   // bad usage or configuration
};

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_PROCESS_EXIT_STATUS_H_
