// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "userspace/admin/to_message.h"
#include "userspace/admin/utf8.h"

namespace shunt::admin {
namespace {

// Calls add(kind's name, count) for every kind.
template <typename Add>
void ForEachKind(const report::FlowKindCounts& kinds, const Add& add) {
  for (size_t i = 0; i < kinds.size(); ++i) {
    add(std::string(report::FlowKindName(static_cast<report::FlowKind>(i))), kinds[i]);
  }
}

void Fill(v1::FlowKindFlows& message, std::string kind, uint64_t flows) {
  message.set_kind(std::move(kind));
  message.set_flows(flows);
}

v1::ServiceFlows ServiceFlowsOf(const report::ServiceFlows& service) {
  v1::ServiceFlows message;
  if (!service.service.name.empty()) {
    *message.mutable_service() = ToMessage(service.service);
    message.set_port_name(ValidUtf8(service.port_name));
    message.set_port(service.port);
    message.set_protocol(ToMessage(service.protocol));
  }
  message.set_flows(service.flows);
  ForEachKind(service.kinds, [&](std::string kind, uint64_t flows) {
    if (flows != 0) Fill(*message.add_kinds(), std::move(kind), flows);
  });
  return message;
}

}  // namespace

v1::Flow ToMessage(const report::FlowStatus& flow) {
  v1::Flow message;
  *message.mutable_row() = ToMessage(flow.row);
  if (flow.service.name.empty()) return message;
  *message.mutable_service() = ToMessage(flow.service);
  message.set_port_name(ValidUtf8(flow.port_name));
  message.set_port(flow.port);
  return message;
}

v1::FlowCounts ToMessage(const report::FlowCounts& counts) {
  v1::FlowCounts message;
  message.set_flows(counts.flows);
  ForEachKind(counts.kinds,
              [&](std::string kind, uint64_t flows) { Fill(*message.add_kinds(), std::move(kind), flows); });
  for (const report::ServiceFlows& service : counts.services) *message.add_services() = ServiceFlowsOf(service);
  return message;
}

v1::SnatSet ToMessage(const report::SnatSetStatus& set) {
  v1::SnatSet message;
  message.set_set(set.set);
  message.set_ports_taken(set.ports_taken);
  message.set_ports(set.ports);
  for (const report::SnatUser& user : set.users) {
    v1::SnatUser& added = *message.add_users();
    *added.mutable_backend() = ToMessage(user.backend);
    added.set_protocol(ToMessage(user.protocol));
    added.set_source(user.source.ToString());
    added.set_flows(user.flows);
  }
  return message;
}

}  // namespace shunt::admin
