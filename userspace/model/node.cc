// SPDX-License-Identifier: Apache-2.0
#include "userspace/model/node.h"

#include <algorithm>

namespace shunt::model {

bool Node::EligibleForTraffic() const {
  return !deleting &&
         std::find(taint_keys.begin(), taint_keys.end(), "ToBeDeletedByClusterAutoscaler") == taint_keys.end();
}

std::string Node::Zone() const {
  const auto label = labels.find("topology.kubernetes.io/zone");
  return label == labels.end() ? std::string() : label->second;
}

}  // namespace shunt::model
