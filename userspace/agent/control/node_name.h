// SPDX-License-Identifier: Apache-2.0
// Whether this node's name is that of a Node. If it is not, no endpoint seems to be on this node, and what the policies
// Local and the topology hints decide is wrong; nothing else would show it.
#ifndef SHUNT_AGENT_CONTROL_NODE_NAME_H_
#define SHUNT_AGENT_CONTROL_NODE_NAME_H_

#include <set>
#include <string>

#include "absl/strings/string_view.h"

namespace shunt::agent {

// Returns what is wrong and what to do, for people; "" if `known`, the names of the Nodes that the sources have
// delivered, contains `name`, or if it is empty and `expected` is false: manifests need not describe Nodes.
std::string NodeNameProblem(absl::string_view name, bool expected, const std::set<std::string>& known);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_CONTROL_NODE_NAME_H_
