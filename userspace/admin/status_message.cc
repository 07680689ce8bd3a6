// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/to_message.h"
#include "userspace/admin/utf8.h"
#include "userspace/report/reason_kind.h"
#include "userspace/report/service_warnings.h"

namespace shunt::admin {
namespace {

v1::Program ToMessage(const report::ProgramStatus& program) {
  v1::Program message;
  message.set_name(ValidUtf8(program.name));
  message.set_hook(ValidUtf8(program.hook));
  message.set_attach_point(ValidUtf8(program.attach_point));
  message.set_tag(ValidUtf8(program.tag));
  message.set_runs(program.runs);
  message.set_run_time_ns(program.run_time_ns);
  message.set_jited_bytes(program.jited_bytes);
  message.set_attached(program.attached);
  message.set_runs_counted(program.runs_counted);
  return message;
}

v1::MapFill ToMessage(const report::MapFill& fill) {
  v1::MapFill message;
  message.set_name(ValidUtf8(fill.name));
  message.set_type(ValidUtf8(fill.type));
  message.set_used(fill.used);
  message.set_capacity(fill.capacity);
  message.set_memory_bytes(fill.memory_bytes);
  return message;
}

v1::ReasonKind ToMessage(report::ReasonKind kind) {
  switch (kind) {
    case report::ReasonKind::kNothingToTranslate:
      return v1::REASON_KIND_NOTHING_TO_TRANSLATE;
    case report::ReasonKind::kNotTranslated:
      return v1::REASON_KIND_NOT_TRANSLATED;
    case report::ReasonKind::kSuspect:
      return v1::REASON_KIND_SUSPECT;
  }
  return v1::REASON_KIND_UNSPECIFIED;
}

v1::WarningKind ToMessage(report::WarningKind kind) {
  switch (kind) {
    case report::WarningKind::kConflict:
      return v1::WARNING_KIND_CONFLICT;
    case report::WarningKind::kDead:
      return v1::WARNING_KIND_DEAD;
    case report::WarningKind::kProtocol:
      return v1::WARNING_KIND_PROTOCOL;
    case report::WarningKind::kObject:
      return v1::WARNING_KIND_OBJECT;
  }
  return v1::WARNING_KIND_UNSPECIFIED;
}

void AddWarnings(const report::AgentStatus& status, v1::AgentStatus& message) {
  for (const report::ServiceWarning& warning : status.service_warnings) {
    v1::ServiceWarning& added = *message.add_service_warnings();
    if (!warning.service.name.empty()) *added.mutable_service() = admin::ToMessage(warning.service);
    added.set_kind(ToMessage(warning.kind));
    added.set_what(ValidUtf8(warning.what));
  }
  for (size_t kind = 0; kind < report::kWarningKinds; ++kind) {
    if (status.warned_services[kind] == 0) continue;
    v1::WarnedServices& added = *message.add_warned_services();
    added.set_kind(ToMessage(static_cast<report::WarningKind>(kind)));
    added.set_services(status.warned_services[kind]);
  }
}

v1::Reason ToMessage(const report::ReasonRow& reason) {
  v1::Reason message;
  message.set_name(reason.name);
  message.set_meaning(reason.meaning);
  message.set_count(reason.count);
  message.set_kind(ToMessage(report::ReasonKindOf(reason.name)));
  return message;
}

v1::SocketSweeps ToMessage(const report::SocketSweeps& sweeps) {
  v1::SocketSweeps message;
  message.set_protocols(sweeps.protocols);
  message.set_way(sweeps.method);
  message.set_sweeps(sweeps.sweeps);
  if (sweeps.last_sweep_time_ms != 0) SetMilliseconds(sweeps.last_sweep_time_ms, message.mutable_last_sweep_time());
  message.set_ended_udp(sweeps.ended_udp);
  message.set_ended_tcp(sweeps.ended_tcp);
  message.set_namespaces(sweeps.namespaces);
  message.set_namespaces_not_entered(sweeps.namespaces_not_entered);
  message.set_problem(ValidUtf8(sweeps.problem));
  return message;
}

v1::SignOfLife ToMessage(const report::SignOfLife& sign) {
  v1::SignOfLife message;
  if (sign.stale_after_ms > 0) SetMilliseconds(sign.stale_after_ms, message.mutable_stale_after());
  if (sign.age_ms >= 0) SetMilliseconds(sign.age_ms, message.mutable_age());
  return message;
}

v1::PacketPath ToMessage(const report::PacketPathStatus& path) {
  v1::PacketPath message;
  message.set_devices_in_force(path.devices_in_force);
  message.set_devices_missing(path.devices_missing);
  message.set_flows(path.flows);
  message.set_flows_limit(path.flows_limit);
  return message;
}

}  // namespace

v1::AgentStatus ToMessage(const report::AgentStatus& status) {
  v1::AgentStatus message;
  message.set_version(ValidUtf8(status.version));
  message.set_abi_version(status.abi_version);
  message.set_pid(status.pid);
  message.set_node_name(ValidUtf8(status.node_name));
  message.set_source(ValidUtf8(status.source));
  message.set_pin_directory(ValidUtf8(status.pin_directory));
  message.set_cgroup(ValidUtf8(status.cgroup));
  if (status.start_time_ms != 0) SetMilliseconds(status.start_time_ms, message.mutable_start_time());
  message.set_synced(status.synced);
  if (status.last_apply_time_ms != 0) SetMilliseconds(status.last_apply_time_ms, message.mutable_last_apply_time());
  message.set_applies(status.applies);
  message.set_services(status.services);
  message.set_frontends(status.frontends);
  message.set_backends(status.backends);
  message.set_failed_services(status.failed_services);
  message.set_programs_current(status.programs_current);
  message.set_observing(status.observing);
  if (status.sign_of_life.stale_after_ms > 0 || status.sign_of_life.age_ms >= 0) {
    *message.mutable_sign_of_life() = ToMessage(status.sign_of_life);
  }
  for (const report::ProgramStatus& program : status.programs) *message.add_programs() = ToMessage(program);
  for (const report::MapFill& fill : status.maps) *message.add_maps() = ToMessage(fill);
  for (const report::ReasonRow& reason : status.reasons) *message.add_reasons() = ToMessage(reason);
  if (!status.socket_sweeps.protocols.empty()) *message.mutable_socket_sweeps() = ToMessage(status.socket_sweeps);
  if (!status.source_status.reflectors.empty()) *message.mutable_source_state() = ToMessage(status.source_status);
  if (status.last_audit.time_ms != 0) *message.mutable_last_audit() = ToMessage(status.last_audit);
  if (status.answer_time_ms != 0) SetMilliseconds(status.answer_time_ms, message.mutable_answer_time());
  for (const report::StatusProblem& problem : status.problems) {
    v1::Problem& added = *message.add_problems();
    added.set_where(ValidUtf8(problem.where));
    added.set_what(ValidUtf8(problem.what));
    added.set_advice(problem.advice);
    if (problem.refused_service.has_value()) *added.mutable_refused_service() = ToMessage(*problem.refused_service);
  }
  AddWarnings(status, message);
  if (status.packet_path.has_value()) *message.mutable_packet_path() = ToMessage(*status.packet_path);
  return message;
}

v1::AuditReport ToMessage(const report::AuditReport& report) {
  v1::AuditReport message;
  SetMilliseconds(report.time_ms, message.mutable_time());
  message.set_problem(ValidUtf8(report.problem));
  for (const model::ObjectName& service : report.services) *message.add_services() = ToMessage(service);
  message.set_shared_rows(report.shared);
  message.set_unrepaired(report.unrepaired);
  for (const std::string& hook : report.hooks) message.add_hooks(hook);
  return message;
}

}  // namespace shunt::admin
