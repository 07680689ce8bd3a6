// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/service_warnings.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace shunt::report {
namespace {

// Whether the endpoint cannot be dialled, whatever its condition.
bool IsUnusable(const model::PlannedEndpoint& endpoint) {
  return endpoint.cluster_verdict == model::EndpointVerdict::kNoPort ||
         endpoint.cluster_verdict == model::EndpointVerdict::kBadAddress ||
         endpoint.cluster_verdict == model::EndpointVerdict::kForbiddenAddress;
}

bool IsOfNoServedProtocol(const model::PortPlan& port) {
  return port.protocol == model::Protocol::kSctp;
}

// Whether the port is served, has endpoints, and none can be used.
bool IsDead(const model::PortPlan& port) {
  return !IsOfNoServedProtocol(port) && !port.endpoints.empty() &&
         std::all_of(port.endpoints.begin(), port.endpoints.end(), &IsUnusable);
}

std::string PortText(const model::PortPlan& port) {
  return absl::StrCat("port ", port.port, "/", model::ProtocolName(port.protocol),
                      port.family == model::IpFamily::kV4 ? " (IPv4)" : " (IPv6)");
}

// A NodePort answers on every address of the node.
std::string FrontendText(const model::Frontend& frontend) {
  if (frontend.kind != model::FrontendKind::kNodePort) return frontend.address.ToString();
  return absl::StrCat("*:", frontend.address.port, "/", model::ProtocolName(frontend.address.protocol));
}

}  // namespace

absl::string_view WarningKindName(WarningKind kind) {
  constexpr std::array<absl::string_view, kWarningKinds> kNames = {"conflict", "dead", "protocol", "object"};
  return kNames[static_cast<size_t>(kind)];
}

std::array<bool, kWarningKinds> WarningKindsOf(const model::ServicePlan& plan) {
  std::array<bool, kWarningKinds> has = {};
  for (const model::PortPlan& port : plan.ports) {
    has[static_cast<size_t>(WarningKind::kConflict)] |=
        std::any_of(port.frontends.begin(), port.frontends.end(),
                    [](const model::Frontend& frontend) { return frontend.InConflict(); });
    has[static_cast<size_t>(WarningKind::kDead)] |= IsDead(port);
    has[static_cast<size_t>(WarningKind::kProtocol)] |= IsOfNoServedProtocol(port);
  }
  has[static_cast<size_t>(WarningKind::kObject)] = !plan.warnings.empty();
  return has;
}

std::vector<ServiceWarning> WarningsOf(const model::ServicePlan& plan) {
  std::vector<ServiceWarning> warnings;
  for (const model::PortPlan& port : plan.ports) {
    for (const model::Frontend& frontend : port.frontends) {
      if (!frontend.InConflict()) continue;
      warnings.push_back({plan.service, WarningKind::kConflict,
                          absl::StrCat("frontend ", FrontendText(frontend), " belongs to Service ",
                                       frontend.conflict_with.Name().ToString(), " and is not served for this one")});
    }
  }
  for (const model::PortPlan& port : plan.ports) {
    if (!IsDead(port)) continue;
    warnings.push_back({plan.service, WarningKind::kDead,
                        absl::StrCat(PortText(port), ": no endpoint of ", port.endpoints.size(),
                                     " can be used, so connections are refused; `shuntctl service show` says why")});
  }
  for (const model::PortPlan& port : plan.ports) {
    if (!IsOfNoServedProtocol(port)) continue;
    warnings.push_back({plan.service, WarningKind::kProtocol,
                        absl::StrCat(PortText(port), " is left to the packet path: SCTP has no socket hook")});
  }
  for (const std::string& sentence : plan.warnings) {
    warnings.push_back({plan.service, WarningKind::kObject, sentence});
  }
  return warnings;
}

}  // namespace shunt::report
