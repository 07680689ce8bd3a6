// SPDX-License-Identifier: Apache-2.0
// What `shuntctl check` looks for among the reasons.
#ifndef SHUNT_TOOLS_SHUNTCTL_CHECK_H_
#define SHUNT_TOOLS_SHUNTCTL_CHECK_H_

#include <vector>

#include "absl/strings/string_view.h"

namespace shunt::shuntctl {

// Names of the reasons that `shuntctl check` warns of once they have been met: a lost translation or a dangling id is
// no wrong destination, but nothing that should happen.
const std::vector<absl::string_view>& SuspectReasons();

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_CHECK_H_
