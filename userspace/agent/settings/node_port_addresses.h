// SPDX-License-Identifier: Apache-2.0
// --nodeport-addresses, kube-proxy's --nodeport-addresses.
#ifndef SHUNT_AGENT_SETTINGS_NODE_PORT_ADDRESSES_H_
#define SHUNT_AGENT_SETTINGS_NODE_PORT_ADDRESSES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "userspace/model/ip_address.h"

namespace shunt::agent {

// On which of the node's addresses NodePorts answer; neither: on all.
struct NodePortAddresses {
  bool primary = false;                   // on the node's own, one a family
  std::vector<model::IpPrefix> prefixes;  // on those within

  bool IsEverywhere() const { return !primary && prefixes.empty(); }

  friend bool operator==(const NodePortAddresses&, const NodePortAddresses&) = default;
};

// "primary", or prefixes. kInvalidArgument names what is neither.
absl::StatusOr<NodePortAddresses> ParseNodePortAddresses(const std::vector<std::string>& words);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SETTINGS_NODE_PORT_ADDRESSES_H_
