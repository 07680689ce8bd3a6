// SPDX-License-Identifier: Apache-2.0
// From arguments to an exit status.
#ifndef SHUNT_TOOLS_SHUNTCTL_RUN_H_
#define SHUNT_TOOLS_SHUNTCTL_RUN_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tools/shuntctl/exit_status.h"
#include "tools/shuntctl/options.h"
#include "tools/shuntctl/state_reader.h"

namespace shunt::shuntctl {

// What the program gets from its environment.
struct Environment {
  std::ostream& out;  // answers, and requested help
  std::ostream& err;  // everything else
  bool out_is_terminal = false;
  std::function<std::unique_ptr<StateReader>(const Options&)> open = &OpenReader;
  // Waits between two reads of --watch; returns false to end it.
  std::function<bool(absl::Duration)> wait;
};

// Runs one command line and returns the exit status. `arguments` are those after the program's name.
int RunShuntctl(const std::vector<std::string>& arguments, const Environment& environment);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_RUN_H_
