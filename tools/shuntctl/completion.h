// SPDX-License-Identifier: Apache-2.0
// What may stand next on a command line. The scripts for the shells, in completion/, ask the program itself.
#ifndef SHUNT_TOOLS_SHUNTCTL_COMPLETION_H_
#define SHUNT_TOOLS_SHUNTCTL_COMPLETION_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tools/shuntctl/options.h"
#include "tools/shuntctl/state_reader.h"

namespace shunt::shuntctl {

// Returns the words that may stand in the place of the last one of `words` and begin with it, each with its meaning
// behind a tab if it has one; or ":files" alone if it is a file's name. `words` are those after the program's name up
// to the cursor, the last one unfinished or empty. Names of Services and namespaces are asked for by `open`; they are
// left out if no agent answers.
std::vector<std::string> Complete(const std::vector<std::string>& words,
                                  const std::function<std::unique_ptr<StateReader>(const Options&)>& open);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_COMPLETION_H_
