// SPDX-License-Identifier: Apache-2.0
// What each call of the admin API answers, without a transport: the server gives these answers over a socket, and
// `shuntctl --offline` over the pins.
#ifndef SHUNT_ADMIN_ANSWERS_H_
#define SHUNT_ADMIN_ANSWERS_H_

#include <cstddef>
#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "shunt/admin/v1/admin_service.pb.h"
#include "userspace/report/agent_status.h"

namespace shunt::admin {

v1::GetStatusResponse AnswerGetStatus(const report::AgentQueries& queries);

// kResourceExhausted: the answer would be longer than `max_bytes`.
absl::StatusOr<v1::ListServicesResponse> AnswerListServices(const report::AgentQueries& queries,
                                                            const v1::ListServicesRequest& request, size_t max_bytes);

// kInvalidArgument: no name. kNotFound names Services of the same name elsewhere, else some of that namespace.
absl::StatusOr<v1::GetServiceResponse> AnswerGetService(const report::AgentQueries& queries,
                                                        const v1::GetServiceRequest& request);

absl::StatusOr<v1::ListBackendsResponse> AnswerListBackends(const report::AgentQueries& queries,
                                                            const v1::ListBackendsRequest& request, size_t max_bytes);

// kUnimplemented: nobody is there who has plans, only maps. Other errors: as of report::AgentQueries::audit.
absl::StatusOr<v1::AuditResponse> AnswerAudit(const report::AgentQueries& queries);

// Visits rows until `visit` returns false. kInvalidArgument: no name. kNotFound names the maps there are.
absl::Status AnswerDumpMap(const report::AgentQueries& queries, const v1::DumpMapRequest& request,
                           const std::function<bool(v1::MapRow)>& visit);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_ANSWERS_H_
