// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/service_filter.h"

namespace shunt::planner {

bool IsServed(const model::Service& service) {
  if (service.type == model::ServiceType::kExternalName) return false;
  if (service.cluster_ips.empty() || service.cluster_ips[0].empty() || service.cluster_ips[0] == "None") return false;
  return service.labels.count("service.kubernetes.io/service-proxy-name") == 0;
}

bool IsServed(const model::EndpointSlice& slice) {
  return slice.labels.count("service.kubernetes.io/headless") == 0;
}

}  // namespace shunt::planner
