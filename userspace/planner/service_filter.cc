// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/service_filter.h"

namespace shunt::planner {

namespace {

bool LacksClusterIp(const model::Service& service) {
  return service.cluster_ips.empty() || service.cluster_ips[0].empty();
}

bool IsOfOtherProxy(const model::Service& service) {
  return service.labels.count("service.kubernetes.io/service-proxy-name") != 0;
}

}  // namespace

bool IsHeadless(const model::Service& service) {
  return service.type != model::ServiceType::kExternalName && !service.cluster_ips.empty() &&
         service.cluster_ips[0] == "None";
}

bool IsServed(const model::Service& service) {
  if (service.type == model::ServiceType::kExternalName) return false;
  if (LacksClusterIp(service) || IsHeadless(service)) return false;
  return !IsOfOtherProxy(service);
}

absl::string_view WhatIsLacking(const model::Service& service) {
  if (service.type == model::ServiceType::kExternalName || IsOfOtherProxy(service)) return "";
  if (LacksClusterIp(service)) return "clusterIP: the Service has none, and is not headless (None): not served";
  if (service.cluster_ips[0] != "None" && service.ports.empty()) return "ports: the Service has none: not served";
  return "";
}

bool IsServed(const model::EndpointSlice& slice) {
  return slice.labels.count("service.kubernetes.io/headless") == 0;
}

}  // namespace shunt::planner
