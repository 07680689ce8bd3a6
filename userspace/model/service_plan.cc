// SPDX-License-Identifier: Apache-2.0
#include "userspace/model/service_plan.h"

#include "absl/strings/str_cat.h"

namespace shunt::model {

absl::string_view FrontendKindName(FrontendKind kind) {
  switch (kind) {
    case FrontendKind::kClusterIp:
      return "ClusterIP";
    case FrontendKind::kNodePort:
      return "NodePort";
    case FrontendKind::kLoadBalancer:
      return "LoadBalancer";
    case FrontendKind::kExternalIp:
      return "ExternalIP";
  }
  return "unknown";
}

absl::string_view FrontendVerdictName(FrontendVerdict verdict) {
  switch (verdict) {
    case FrontendVerdict::kServed:
      return "served";
    case FrontendVerdict::kLocalAddress:
      return "local_address";
    case FrontendVerdict::kNoSocketHook:
      return "no_socket_hook";
  }
  return "unknown";
}

std::string FrontendAddress::ToString() const {
  return absl::StrCat(address.ToStringWithPort(port), "/", ProtocolName(protocol));
}

absl::string_view EndpointVerdictName(EndpointVerdict verdict) {
  switch (verdict) {
    case EndpointVerdict::kSelected:
      return "selected";
    case EndpointVerdict::kNotReady:
      return "not_ready";
    case EndpointVerdict::kTerminating:
      return "terminating";
    case EndpointVerdict::kNotServing:
      return "not_serving";
    case EndpointVerdict::kNotLocal:
      return "not_local";
    case EndpointVerdict::kOtherZone:
      return "other_zone";
    case EndpointVerdict::kOtherNode:
      return "other_node";
    case EndpointVerdict::kWeightZero:
      return "weight_zero";
    case EndpointVerdict::kDuplicate:
      return "duplicate";
    case EndpointVerdict::kNoPort:
      return "no_port";
    case EndpointVerdict::kBadAddress:
      return "bad_address";
    case EndpointVerdict::kForbiddenAddress:
      return "forbidden_address";
    case EndpointVerdict::kTooMany:
      return "too_many";
  }
  return "unknown";
}

}  // namespace shunt::model
