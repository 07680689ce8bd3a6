// SPDX-License-Identifier: Apache-2.0
// A Node of the Kubernetes API (core/v1), reduced to what decides topology and local traffic.
#ifndef SHUNT_MODEL_NODE_H_
#define SHUNT_MODEL_NODE_H_

#include <map>
#include <string>
#include <vector>

namespace shunt::model {

struct Node {
  std::string name;
  std::string resource_version;
  std::map<std::string, std::string> labels;
  std::vector<std::string> addresses;  // status.addresses of type InternalIP and ExternalIP, in order

  // Label topology.kubernetes.io/zone; empty if missing.
  std::string Zone() const;

  friend bool operator==(const Node&, const Node&) = default;
};

}  // namespace shunt::model

#endif  // SHUNT_MODEL_NODE_H_
