// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/node_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace shunt::agent {
namespace {

// Returns a name that may have been meant, in a sentence; "" if there is none.
std::string NearMiss(absl::string_view name, const std::set<std::string>& known) {
  const auto same_letters = std::find_if(known.begin(), known.end(),
                                         [&](const std::string& other) { return absl::EqualsIgnoreCase(name, other); });
  if (same_letters != known.end())
    return absl::StrCat("; Node ", *same_letters, " differs only in upper and lower case");
  const auto host_of = [](absl::string_view text) { return text.substr(0, text.find('.')); };
  const auto same_host = std::find_if(known.begin(), known.end(), [&](const std::string& other) {
    return absl::EqualsIgnoreCase(host_of(name), host_of(other));
  });
  if (same_host != known.end()) return absl::StrCat("; Node ", *same_host, " has the same host name");
  const std::string lower = absl::AsciiStrToLower(name);
  return lower == name ? "" : absl::StrCat("; names of Nodes are in lower case, as in ", lower);
}

}  // namespace

std::string NodeNameProblem(absl::string_view name, bool expected, const std::set<std::string>& known) {
  if (known.count(std::string(name)) > 0 || (known.empty() && !expected)) return "";
  return absl::StrCat(
      "no Node named ", name, " is known", NearMiss(name, known),
      ". Endpoints of this node cannot be told from others: Services with a Local policy find none, and "
      "topology hints have no effect. Give the Node's name with --node-name or NODE_NAME");
}

}  // namespace shunt::agent
