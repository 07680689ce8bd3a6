// SPDX-License-Identifier: Apache-2.0
// The value of --nodeport-addresses, which means what it means to kube-proxy.
#ifndef SHUNT_AGENT_SETTINGS_NODE_PORT_ADDRESSES_H_
#define SHUNT_AGENT_SETTINGS_NODE_PORT_ADDRESSES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "userspace/model/ip_address.h"

namespace shunt::agent {

// On which of the node's addresses NodePorts answer. If neither is set, on all of them.
struct NodePortAddresses {
  bool primary = false;                   // on its primary addresses, one per family
  std::vector<model::IpPrefix> prefixes;  // on its addresses within these

  bool IsEverywhere() const { return !primary && prefixes.empty(); }

  friend bool operator==(const NodePortAddresses&, const NodePortAddresses&) = default;
};

// Parses "primary" or a list of prefixes; no words mean all addresses. Returns kInvalidArgument, which names the first
// word that is neither, and if both are given.
absl::StatusOr<NodePortAddresses> ParseNodePortAddresses(const std::vector<std::string>& words);

}  // namespace shunt::agent

#endif  // SHUNT_AGENT_SETTINGS_NODE_PORT_ADDRESSES_H_
