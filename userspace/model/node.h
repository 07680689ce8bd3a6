// SPDX-License-Identifier: Apache-2.0
// A Node of the Kubernetes API (core/v1), reduced to what decides topology, local traffic and whether load balancers
// may still send traffic here.
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
  std::vector<std::string> addresses;   // status.addresses: those of type InternalIP, then ExternalIP
  bool deleting = false;                // metadata.deletionTimestamp is set
  std::vector<std::string> taint_keys;  // spec.taints[].key, whatever their effect, in order

  // Returns whether load balancers may use this node (KEP-3836): it is not being deleted, and the cluster autoscaler
  // has not marked it (taint ToBeDeletedByClusterAutoscaler).
  bool EligibleForTraffic() const;
  // Returns the label topology.kubernetes.io/zone, or "" if it is missing.
  std::string Zone() const;

  friend bool operator==(const Node&, const Node&) = default;
};

}  // namespace shunt::model

#endif  // SHUNT_MODEL_NODE_H_
