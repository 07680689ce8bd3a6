// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/answers.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "userspace/admin/to_message.h"
#include "userspace/admin/utf8.h"

namespace shunt::admin {
namespace {

// As many names as fit on a line of an error message.
constexpr size_t kSuggestionsMax = 5;

absl::Status TooLong(absl::string_view call, size_t max_bytes, absl::string_view what_to_do) {
  return absl::ResourceExhaustedError(
      absl::StrCat(call, ": the answer would be longer than ", max_bytes >> 20, " MiB; ", what_to_do));
}

// Returns OK if no object of this Service is refused.
absl::Status RefusedService(const report::AgentView& view, const model::ObjectName& wanted) {
  const absl::StatusOr<report::AgentStatus> status = view.Status();
  if (!status.ok()) return status.status();
  for (const report::StatusProblem& problem : status->problems) {
    if (problem.refused_service != wanted) continue;
    return absl::NotFoundError(absl::StrCat("Service ", ValidUtf8(wanted.ToString()),
                                            " is refused, so nothing is known of it: ", ValidUtf8(problem.where), ": ",
                                            ValidUtf8(problem.what)));
  }
  return absl::OkStatus();
}

absl::Status NoSuchService(const report::AgentView& view, const model::ObjectName& wanted) {
  if (absl::Status refused = RefusedService(view, wanted); !refused.ok()) return refused;
  std::vector<std::string> same_name;
  std::vector<std::string> same_namespace;
  size_t count = 0;
  size_t in_namespace = 0;
  absl::Status visited = view.Services([&](const report::ServiceStatus& status) {
    const model::ObjectName& name = status.plan.service;
    ++count;
    if (name.name == wanted.name && same_name.size() < kSuggestionsMax) {
      same_name.push_back(name.ToString());
    } else if (name.namespace_name == wanted.namespace_name && ++in_namespace <= kSuggestionsMax) {
      same_namespace.push_back(name.ToString());
    }
    return true;
  });
  if (!visited.ok()) return visited;
  const std::string refusal = absl::StrCat("no Service ", ValidUtf8(wanted.ToString()));
  if (!same_name.empty()) {
    return absl::NotFoundError(absl::StrCat(refusal, "; there is ", ValidUtf8(absl::StrJoin(same_name, ", "))));
  }
  if (!same_namespace.empty()) {
    return absl::NotFoundError(absl::StrCat(
        refusal, "; namespace ", ValidUtf8(wanted.namespace_name), " has ",
        ValidUtf8(absl::StrJoin(same_namespace, ", ")),
        in_namespace > kSuggestionsMax ? absl::StrCat(" and ", in_namespace - kSuggestionsMax, " more") : ""));
  }
  return absl::NotFoundError(absl::StrCat(refusal, "; there are ", count, " Services, none in that namespace"));
}

}  // namespace

absl::StatusOr<v1::GetStatusResponse> AnswerGetStatus(const report::AgentView& view) {
  const absl::StatusOr<report::AgentStatus> status = view.Status();
  if (!status.ok()) return status.status();
  v1::GetStatusResponse response;
  *response.mutable_status() = ToMessage(*status);
  return response;
}

absl::StatusOr<v1::ListServicesResponse> AnswerListServices(const report::AgentView& view,
                                                            const v1::ListServicesRequest& request, size_t max_bytes) {
  const EndpointDetail detail =
      request.include_endpoints() ? EndpointDetail::kEveryEndpoint : EndpointDetail::kCountsOnly;
  v1::ListServicesResponse response;
  size_t bytes = 0;
  absl::Status visited = view.Services([&](const report::ServiceStatus& status) {
    if (!request.namespace_name().empty() && status.plan.service.namespace_name != request.namespace_name()) {
      return true;
    }
    v1::Service& service = *response.add_services();
    service = ToMessage(status, detail);
    bytes += service.ByteSizeLong() + 8;  // plus at most 8 bytes of tag and length
    return bytes <= max_bytes;
  });
  if (!visited.ok()) return visited;
  if (bytes > max_bytes) return TooLong("ListServices", max_bytes, "ask for one namespace or without endpoints");
  return response;
}

absl::StatusOr<v1::GetServiceResponse> AnswerGetService(const report::AgentView& view,
                                                        const v1::GetServiceRequest& request) {
  if (request.namespace_name().empty() || request.name().empty()) {
    return absl::InvalidArgumentError("GetService: namespace_name and name must both be set");
  }
  const model::ObjectName name{request.namespace_name(), request.name()};
  const absl::StatusOr<std::optional<report::ServiceStatus>> status = view.Service(name);
  if (!status.ok()) return status.status();
  if (!status->has_value()) return NoSuchService(view, name);
  v1::GetServiceResponse response;
  *response.mutable_service() = ToMessage(**status, EndpointDetail::kEveryEndpoint);
  return response;
}

absl::StatusOr<v1::ListBackendsResponse> AnswerListBackends(const report::AgentView& view,
                                                            const v1::ListBackendsRequest& request, size_t max_bytes) {
  const absl::StatusOr<std::vector<report::BackendStatus>> backends = view.Backends();
  if (!backends.ok()) return backends.status();
  v1::ListBackendsResponse response;
  for (const report::BackendStatus& backend : *backends) {
    const bool wanted = request.namespace_name().empty() ||
                        std::any_of(backend.services.begin(), backend.services.end(), [&](const auto& service) {
                          return service.namespace_name == request.namespace_name();
                        });
    if (wanted) *response.add_backends() = ToMessage(backend);
  }
  if (response.ByteSizeLong() > max_bytes) return TooLong("ListBackends", max_bytes, "ask for one namespace");
  return response;
}

absl::StatusOr<v1::ListDevicesResponse> AnswerListDevices(const report::AgentView& view) {
  const absl::StatusOr<report::DeviceReport> report = view.Devices();
  if (!report.ok()) return report.status();
  v1::ListDevicesResponse response;
  for (const report::DeviceStatus& device : report->devices) *response.add_devices() = ToMessage(device);
  for (const std::string& name : report->unmatched) response.add_unmatched(ValidUtf8(name));
  return response;
}

absl::StatusOr<v1::AuditResponse> AnswerAudit(const report::AgentView& view) {
  const absl::StatusOr<report::AuditReport> report = view.Audit();
  if (!report.ok()) return report.status();
  v1::AuditResponse response;
  *response.mutable_report() = ToMessage(*report);
  return response;
}

absl::Status AnswerDumpMap(const report::AgentView& view, const v1::DumpMapRequest& request,
                           const std::function<bool(v1::MapRow)>& visit) {
  if (request.map().empty()) return absl::InvalidArgumentError("DumpMap: map must be set");
  return view.DumpMap(request.map(), [&](const report::MapRow& row) { return visit(ToMessage(row)); });
}

}  // namespace shunt::admin
