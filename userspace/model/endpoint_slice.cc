// SPDX-License-Identifier: Apache-2.0
#include "userspace/model/endpoint_slice.h"

namespace shunt::model {

ObjectName EndpointSlice::ServiceName() const {
  const auto label = labels.find("kubernetes.io/service-name");
  if (label == labels.end() || label->second.empty()) return {};
  return {name.namespace_name, label->second};
}

}  // namespace shunt::model
