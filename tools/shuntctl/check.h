// SPDX-License-Identifier: Apache-2.0
// The reasons that `shuntctl check` looks for.
#ifndef SHUNT_TOOLS_SHUNTCTL_CHECK_H_
#define SHUNT_TOOLS_SHUNTCTL_CHECK_H_

#include <vector>

#include "absl/strings/string_view.h"

namespace shunt::shuntctl {

// Returns the names of the reasons that `shuntctl check` warns of if they have occurred. A lost translation or a
// dangling id leads no connection to a wrong destination, but neither should happen.
const std::vector<absl::string_view>& SuspectReasons();

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_CHECK_H_
