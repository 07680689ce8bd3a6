// SPDX-License-Identifier: Apache-2.0
// The values of model/ and report/ as messages of the admin API, by topic: to_message.cc (addresses, names, times),
// service_message.cc, status_message.cc, source_message.cc, device_message.cc, flow_message.cc, map_row_message.cc.
// Pure.
#ifndef SHUNT_ADMIN_TO_MESSAGE_H_
#define SHUNT_ADMIN_TO_MESSAGE_H_

#include <cstdint>
#include <vector>

#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "shunt/admin/v1/address.pb.h"
#include "shunt/admin/v1/audit.pb.h"
#include "shunt/admin/v1/backend.pb.h"
#include "shunt/admin/v1/device.pb.h"
#include "shunt/admin/v1/flow.pb.h"
#include "shunt/admin/v1/map_row.pb.h"
#include "shunt/admin/v1/service.pb.h"
#include "shunt/admin/v1/source.pb.h"
#include "shunt/admin/v1/status.pb.h"
#include "userspace/model/names.h"
#include "userspace/model/service_plan.h"
#include "userspace/report/agent_status.h"
#include "userspace/report/audit_report.h"
#include "userspace/report/device_report.h"
#include "userspace/report/flows.h"
#include "userspace/report/map_rows.h"
#include "userspace/report/reflector_status.h"
#include "userspace/report/serving_state.h"

namespace shunt::admin {

v1::Protocol ToMessage(model::Protocol protocol);
v1::IpFamily ToMessage(model::IpFamily family);
v1::ObjectName ToMessage(const model::ObjectName& name);
// A SocketAddress that was never set has an empty address in its message.
v1::SocketAddress ToMessage(const model::SocketAddress& address);
v1::SocketAddress ToMessage(const model::FrontendAddress& address);
// REQUIRES: `since_1970_ms` is not negative.
void SetMilliseconds(int64_t since_1970_ms, google::protobuf::Timestamp* timestamp);
void SetMilliseconds(int64_t ms, google::protobuf::Duration* duration);

enum class EndpointDetail { kCountsOnly, kEveryEndpoint };

v1::Service ToMessage(const report::ServiceStatus& status, EndpointDetail detail);
v1::FrontendKind ToMessage(model::FrontendKind kind);
v1::EndpointVerdict ToMessage(model::EndpointVerdict verdict);
v1::ServingState ToMessage(report::ServingState state);
v1::Backend ToMessage(const report::BackendStatus& backend);

// Returns the share of new connections that each of the pool's members gets, in percent, computed from the alias table
// with which the kernel draws.
std::vector<double> SharesPercent(const model::Pool& pool);

v1::AgentStatus ToMessage(const report::AgentStatus& status);
v1::SourceState ToMessage(const report::SourceStatus& status);
v1::AuditReport ToMessage(const report::AuditReport& report);
v1::Device ToMessage(const report::DeviceStatus& device);
v1::FlowRow ToMessage(const report::FlowRow& row);
v1::Flow ToMessage(const report::FlowStatus& flow);
v1::FlowCounts ToMessage(const report::FlowCounts& counts);
v1::SnatSet ToMessage(const report::SnatSetStatus& set);
v1::MapRow ToMessage(const report::MapRow& row);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_TO_MESSAGE_H_
