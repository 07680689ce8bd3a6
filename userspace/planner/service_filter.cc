// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/service_filter.h"

#include <map>
#include <string>

namespace shunt::planner {
namespace {

bool IsLabelledAway(const std::map<std::string, std::string>& labels) {
  return labels.count("service.kubernetes.io/service-proxy-name") > 0 ||
         labels.count("service.kubernetes.io/headless") > 0;
}

}  // namespace

bool IsServed(const model::Service& service) {
  if (service.type == model::ServiceType::kExternalName) return false;
  if (service.cluster_ips.empty() || service.cluster_ips[0].empty() || service.cluster_ips[0] == "None") return false;
  return !IsLabelledAway(service.labels);
}

bool IsServed(const model::EndpointSlice& slice) {
  return !IsLabelledAway(slice.labels);
}

}  // namespace shunt::planner
