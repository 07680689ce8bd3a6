// SPDX-License-Identifier: Apache-2.0
#include "userspace/model/node.h"

namespace shunt::model {

std::string Node::Zone() const {
  const auto label = labels.find("topology.kubernetes.io/zone");
  return label == labels.end() ? std::string() : label->second;
}

}  // namespace shunt::model
