// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/settings/node_port_addresses.h"

#include "absl/strings/str_cat.h"

namespace shunt::agent {

absl::StatusOr<NodePortAddresses> ParseNodePortAddresses(const std::vector<std::string>& words) {
  NodePortAddresses addresses;
  for (const std::string& word : words) {
    if (word == "primary") {
      addresses.primary = true;
    } else if (const auto prefix = model::IpPrefix::Parse(word); prefix.has_value()) {
      addresses.prefixes.push_back(*prefix);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("expected primary, or prefixes like 10.0.0.0/8, found \"", word, "\""));
    }
  }
  if (addresses.primary && !addresses.prefixes.empty()) {
    return absl::InvalidArgumentError("primary and prefixes are both given: give one of them");
  }
  return addresses;
}

}  // namespace shunt::agent
