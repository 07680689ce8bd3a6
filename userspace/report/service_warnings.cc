// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/service_warnings.h"

#include <algorithm>
#include <utility>

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
  return std::any_of(port.frontends.begin(), port.frontends.end(), [](const model::Frontend& frontend) {
    return frontend.verdict == model::FrontendVerdict::kNoSocketHook;
  });
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

std::string ConflictText(const model::Frontend& frontend) {
  return absl::StrCat("frontend ", FrontendText(frontend), " belongs to Service ",
                      frontend.conflict_with.Name().ToString(), " and is not served for this one");
}

std::string DeadText(const model::PortPlan& port) {
  return absl::StrCat(PortText(port), ": no endpoint of ", port.endpoints.size(),
                      " can be used, so connections are refused; `shuntctl service show` says why");
}

std::string ProtocolText(const model::PortPlan& port) {
  return absl::StrCat(PortText(port), " is not served: SCTP has no socket hook, and packets are not translated");
}

// What is said of one kind.
struct Said {
  std::string first;
  size_t times = 0;
};

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
  std::array<Said, kWarningKinds> said;
  const auto say = [&](WarningKind kind, const auto& sentence) {
    Said& of_kind = said[static_cast<size_t>(kind)];
    if (of_kind.times++ == 0) of_kind.first = sentence();
  };
  for (const model::PortPlan& port : plan.ports) {
    for (const model::Frontend& frontend : port.frontends) {
      if (frontend.InConflict()) say(WarningKind::kConflict, [&] { return ConflictText(frontend); });
    }
    if (IsDead(port)) say(WarningKind::kDead, [&] { return DeadText(port); });
    if (IsOfNoServedProtocol(port)) say(WarningKind::kProtocol, [&] { return ProtocolText(port); });
  }
  for (const std::string& sentence : plan.warnings) say(WarningKind::kObject, [&] { return sentence; });

  std::vector<ServiceWarning> warnings;
  for (size_t kind = 0; kind < said.size(); ++kind) {
    auto& [first, times] = said[kind];
    if (times == 0) continue;
    if (times > 1) {
      absl::StrAppend(&first, "; ", times - 1, " more of this kind: see `shuntctl service show ",
                      plan.service.ToString(), "`");
    }
    warnings.push_back({plan.service, static_cast<WarningKind>(kind), std::move(first)});
  }
  return warnings;
}

}  // namespace shunt::report
