// SPDX-License-Identifier: Apache-2.0
// --node: the same command line in the agent's pod on a node of a cluster, from anywhere that kubectl works.
#ifndef SHUNT_TOOLS_SHUNTCTL_KUBECTL_H_
#define SHUNT_TOOLS_SHUNTCTL_KUBECTL_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace shunt::shuntctl {

struct NodeLine {
  std::string node;
  std::string agent_namespace = "kube-system";  // as in the manifests
  std::vector<std::string> kubectl_options;     // --context=NAME, --kubeconfig=FILE
  std::vector<std::string> arguments;           // all others, as they were given
};

// Returns whether the arguments after the program's name have --node.
bool NamesNode(const std::vector<std::string>& arguments);

// Takes --node and what goes with it out of the arguments, and understands nothing else of them: the program in the pod
// may be of another version. The node's name is empty without --node. kInvalidArgument if one of them has no value.
absl::StatusOr<NodeLine> ParseNodeLine(const std::vector<std::string>& arguments);

// Becomes `kubectl exec`, whose exit status is that of the program in the pod; with a terminal there if there is one
// here. Returns an exit status only if that fails, with an error that names the node.
int RunOnNode(const NodeLine& line, std::ostream& err);

// Returns the names of the cluster's nodes, by kubectl with its options among the arguments; none if it fails.
std::vector<std::string> NodeNames(const std::vector<std::string>& arguments);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_KUBECTL_H_
