// SPDX-License-Identifier: Apache-2.0
// The answer to each call of the admin API, without a transport: the server sends these answers over a socket, and
// `shuntctl --offline` makes them from the pins.
#ifndef SHUNT_ADMIN_ANSWERS_H_
#define SHUNT_ADMIN_ANSWERS_H_

#include <cstddef>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "shunt/admin/v1/admin_service.pb.h"
#include "userspace/report/agent_view.h"

namespace shunt::admin {

// Every function also returns the errors of the view.
absl::StatusOr<v1::GetStatusResponse> AnswerGetStatus(const report::AgentView& view);

// kResourceExhausted if the answer would be longer than `max_bytes`.
absl::StatusOr<v1::ListServicesResponse> AnswerListServices(const report::AgentView& view,
                                                            const v1::ListServicesRequest& request, size_t max_bytes);

// kInvalidArgument if the request has no name. kNotFound says why the Service's object is refused, or names Services of
// the same name elsewhere, or else some Services of that namespace.
absl::StatusOr<v1::GetServiceResponse> AnswerGetService(const report::AgentView& view,
                                                        const v1::GetServiceRequest& request);

// kResourceExhausted if the answer would be longer than `max_bytes`.
absl::StatusOr<v1::ListBackendsResponse> AnswerListBackends(const report::AgentView& view,
                                                            const v1::ListBackendsRequest& request, size_t max_bytes);

absl::StatusOr<v1::ListDevicesResponse> AnswerListDevices(const report::AgentView& view);

// Visits flows until `visit` returns false. kInvalidArgument if a part of the filter is malformed.
absl::Status AnswerListFlows(const report::AgentView& view, const v1::ListFlowsRequest& request,
                             const std::function<bool(v1::Flow)>& visit);

// kInvalidArgument if a part of the filter is malformed.
absl::StatusOr<v1::CountFlowsResponse> AnswerCountFlows(const report::AgentView& view,
                                                        const v1::CountFlowsRequest& request);

// kResourceExhausted if the answer would be longer than `max_bytes`.
absl::StatusOr<v1::ListSnatSetsResponse> AnswerListSnatSets(const report::AgentView& view, size_t max_bytes);

absl::StatusOr<v1::AuditResponse> AnswerAudit(const report::AgentView& view);

// Visits rows until `visit` returns false. kInvalidArgument if the request has no name.
absl::Status AnswerDumpMap(const report::AgentView& view, const v1::DumpMapRequest& request,
                           const std::function<bool(v1::MapRow)>& visit);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_ANSWERS_H_
