// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/admin/http/metric_families.h"
#include "userspace/report/reason_kind.h"
#include "userspace/report/service_warnings.h"

namespace shunt::admin::http {
namespace {

const std::vector<report::FlowKindCount> kNoKinds;

double Seconds(int64_t ms) {
  return static_cast<double>(ms) / 1000;
}

absl::string_view FamilyName(model::IpFamily family) {
  return family == model::IpFamily::kV4 ? "IPv4" : "IPv6";
}

void AddAgent(const report::MetricsSnapshot& snapshot, Exposition& page) {
  const report::AgentStatus& status = snapshot.status;
  page.Gauge("shunt_build_info", "1; the labels say what this agent is");
  page.Add(1, {{"version", status.version}, {"abi", absl::StrCat(status.abi_version)}});
  page.Gauge("shunt_synced", "Whether everything that the sources began with is applied or refused");
  page.Add(status.synced ? 1 : 0);
  page.Gauge("shunt_services", "Services with something in the kernel");
  page.Add(status.services);
  page.Gauge("shunt_frontends", "Addresses and ports that clients can dial, without those in conflict");
  page.Add(status.frontends);
  page.Gauge("shunt_backends", "Distinct addresses and ports of endpoints in the kernel");
  page.Add(status.backends);
  page.Gauge("shunt_failed_services", "Services that the kernel did not take; each is tried again");
  page.Add(status.failed_services);
  page.Gauge("shunt_problems",
             "Problems of this node that `shuntctl check` finds wrong; advice and Services' own are not");
  page.Add(static_cast<double>(std::count_if(status.problems.begin(), status.problems.end(),
                                             [](const report::StatusProblem& problem) { return !problem.advice; })));
  page.Gauge("shunt_services_with_warnings", "Services with a fault of their owner's doing, by kind");
  for (size_t kind = 0; kind < report::kWarningKinds; ++kind) {
    page.Add(status.warned_services[kind], {{"kind", report::WarningKindName(static_cast<report::WarningKind>(kind))}});
  }
  page.Gauge("shunt_programs_current", "Whether this build's programs are in force, not an older pinned set");
  page.Add(status.programs_current ? 1 : 0);
  page.Gauge("shunt_attached_programs", "Programs attached at the hook");
  std::map<std::string, int> attached;
  for (const report::ProgramStatus& program : status.programs) attached[program.hook] += program.attached ? 1 : 0;
  for (const auto& [hook, count] : attached) page.Add(count, {{"hook", hook}});
}

void AddMaps(const report::AgentStatus& status, Exposition& page) {
  page.Gauge("shunt_pools", "Sets of backends in the kernel");
  for (const report::MapFill& map : status.maps) {
    if (map.name == "pools") page.Add(static_cast<double>(map.used));
  }
  page.Gauge("shunt_map_entries", "Rows of the map that mean something, counted by reading them");
  for (const report::MapFill& map : status.maps) {
    if (map.type != "sk_storage") page.Add(static_cast<double>(map.used), {{"map", map.name}});
  }
  page.Gauge("shunt_map_capacity", "Rows that the map has room for; 0: it cannot fill up");
  for (const report::MapFill& map : status.maps) page.Add(static_cast<double>(map.capacity), {{"map", map.name}});
  page.Gauge("shunt_map_pressure_ratio", "shunt_map_entries / shunt_map_capacity, where there is a limit");
  for (const report::MapFill& map : status.maps) {
    if (map.capacity == 0) continue;
    page.Add(static_cast<double>(map.used) / static_cast<double>(map.capacity), {{"map", map.name}});
  }
  page.Gauge("shunt_map_memory_bytes", "What the kernel charges for the map");
  for (const report::MapFill& map : status.maps) page.Add(static_cast<double>(map.memory_bytes), {{"map", map.name}});
}

void AddLoop(const report::MetricsSnapshot& snapshot, Exposition& page) {
  const report::LoopMetrics& loop = snapshot.agent.loop;
  page.Counter("shunt_applies_total", "Batches given to the kernel");
  page.Add(static_cast<double>(snapshot.status.applies));
  page.Gauge("shunt_last_apply_timestamp_seconds", "When the last batch was; 0: there was none");
  page.Add(Seconds(snapshot.status.last_apply_time_ms));
  page.Counter("shunt_service_applies_total", "Services given to the kernel, by what became of them");
  page.Add(static_cast<double>(loop.applies), {{"result", "applied"}});
  page.Add(static_cast<double>(loop.failed_applies), {{"result", "failed"}});
  page.Histogram("shunt_apply_latency_seconds",
                 "From the delivery of a change by the source until it is in the kernel");
  page.Add(loop.apply_latency);
}

void AddAudit(const report::AgentMetrics& agent, Exposition& page) {
  page.Counter("shunt_audits_total", "Comparisons of the desired state with the kernel's maps");
  page.Add(static_cast<double>(agent.audit.audits));
  page.Gauge("shunt_last_audit_timestamp_seconds", "When the last one was; 0: there was none");
  page.Add(Seconds(agent.audit.last_audit_ms));
  page.Gauge("shunt_audit_differences", "Differences that the last audit found");
  page.Add(static_cast<double>(agent.audit.last_differences));
  page.Counter("shunt_audit_drift_total", "Differences that all audits found");
  page.Add(static_cast<double>(agent.audit.differences));
  page.Counter("shunt_audit_repairs_total", "Differences that were repaired");
  page.Add(static_cast<double>(agent.audit.repairs));
}

// Adds a family with one sample for each resource.
template <typename Value>
void AddOfEach(const report::SourceStatus& source, Exposition& page, Value value) {
  for (const report::ReflectorStatus& reflector : source.reflectors) {
    page.Add(static_cast<double>(value(reflector)), {{"resource", reflector.resource}});
  }
}

void AddReflectorCounts(const report::SourceStatus& source, Exposition& page) {
  using Status = report::ReflectorStatus;
  page.Counter("shunt_reflector_relists_total", "Lists after the first one");
  AddOfEach(source, page, [](const Status& r) { return r.relists; });
  page.Counter("shunt_reflector_watch_starts_total", "Watches begun, the first one included");
  AddOfEach(source, page, [](const Status& r) { return r.watch_starts; });
  page.Counter("shunt_reflector_stalls_total", "Connections given up because they were silent for too long");
  AddOfEach(source, page, [](const Status& r) { return r.stalls; });
  page.Counter("shunt_reflector_errors_total", "Lists and watches that ended in an error");
  AddOfEach(source, page, [](const Status& r) { return r.errors; });
  page.Counter("shunt_reflector_events_total", "Objects added, changed or removed");
  AddOfEach(source, page, [](const Status& r) { return r.events; });
  page.Counter("shunt_reflector_bookmarks_total", "Events that carry a resourceVersion and no object");
  AddOfEach(source, page, [](const Status& r) { return r.bookmarks; });
  page.Counter("shunt_rejected_objects_total",
               "Lists and events that showed an object that is left out because it is invalid");
  AddOfEach(source, page, [](const Status& r) { return r.rejected_objects; });
}

void AddReflectorState(const report::MetricsSnapshot& snapshot, Exposition& page) {
  using Status = report::ReflectorStatus;
  const report::SourceStatus& source = snapshot.source;
  page.Gauge("shunt_reflector_synced", "Whether the first list is delivered");
  AddOfEach(source, page, [](const Status& r) { return r.synced ? 1 : 0; });
  page.Gauge("shunt_reflector_objects", "Objects known now");
  AddOfEach(source, page, [](const Status& r) { return r.objects; });
  page.Gauge("shunt_objects_left_out", "Objects left out now because they are invalid; their last good state stays");
  AddOfEach(source, page, [](const Status& r) { return r.objects_left_out; });
  page.Gauge("shunt_reflector_last_event_timestamp_seconds", "The last object, bookmark or complete list; 0: never");
  AddOfEach(source, page, [](const Status& r) { return Seconds(r.last_event_time_ms); });
  page.Gauge("shunt_reflector_removals_held_back",
             "Objects that a suspicious list would remove, until it is confirmed");
  AddOfEach(source, page, [](const Status& r) { return r.list_held_back ? r.removals_held_back : 0; });
  page.Gauge("shunt_state_age_seconds", "Since the API server last confirmed the state; absent until it has once");
  for (const report::ReflectorStatus& reflector : source.reflectors) {
    if (reflector.current_as_of_ms == 0) continue;
    page.Add(Seconds(snapshot.now_ms - reflector.current_as_of_ms), {{"resource", reflector.resource}});
  }
  page.Gauge("shunt_api_server_reachable", "Whether the API server in use answers; absent if there is none to ask");
  if (!source.reflectors.empty()) page.Add(source.reachable ? 1 : 0);
  page.Gauge("shunt_snapshot_timestamp_seconds", "When the snapshot was written that is served; 0: none is");
  page.Add(Seconds(source.snapshot_time_ms));
}

constexpr report::ReasonKind kNothing = report::ReasonKind::kNothingToTranslate;

template <typename Wanted>
void AddReasons(const report::AgentStatus& status, Wanted wanted, Exposition& page) {
  for (const report::ReasonRow& reason : status.reasons) {
    if (!wanted(report::ReasonKindOf(reason.name))) continue;
    page.Add(static_cast<double>(reason.count), {{"reason", reason.name}});
  }
}

void AddDatapath(const report::MetricsSnapshot& snapshot, Exposition& page) {
  page.Counter("shunt_untranslated_total",
               "Times that a Service was dialled and not translated, by reason; since the maps were made");
  AddReasons(snapshot.status, [](report::ReasonKind kind) { return kind != kNothing; }, page);
  page.Counter("shunt_nothing_to_translate_total",
               "Calls that have nothing to do with a Service, by reason: no failures; since the maps were made");
  AddReasons(snapshot.status, [](report::ReasonKind kind) { return kind == kNothing; }, page);
  page.Counter("shunt_sockets_ended_total", "Sockets ended because their backend was gone");
  const report::SocketSweeps& sweeps = snapshot.status.socket_sweeps;
  page.Add(static_cast<double>(sweeps.ended_udp), {{"protocol", "UDP"}});
  page.Add(static_cast<double>(sweeps.ended_tcp), {{"protocol", "TCP"}});
  page.Counter("shunt_socket_sweeps_total", "Looks for such sockets in all network namespaces");
  page.Add(static_cast<double>(sweeps.sweeps));
  page.Gauge("shunt_socket_namespaces_not_entered", "Network namespaces that the last look had to leave out");
  page.Add(sweeps.namespaces_not_entered);
}

// Families without a sample where packets are not translated.
void AddPackets(const report::MetricsSnapshot& snapshot, Exposition& page) {
  const std::optional<report::PacketPathStatus>& path = snapshot.status.packet_path;
  page.Gauge("shunt_devices", "Devices whose packets are translated");
  if (path.has_value()) page.Add(path->devices_in_force);
  page.Gauge("shunt_devices_missing", "Devices that are to have the programs and do not");
  if (path.has_value()) page.Add(path->devices_missing);
  page.Gauge("shunt_flows_limit", "Rows for flows; beyond it new ones are refused");
  if (path.has_value()) page.Add(static_cast<double>(path->flows_limit));
  const std::optional<report::PacketMetrics>& packets = snapshot.packets;
  page.Gauge("shunt_flows", "Flows by what has happened to them, in the collector's last round over all");
  for (const report::FlowKindCount& kind : packets.has_value() ? packets->flows.kinds : kNoKinds) {
    page.Add(static_cast<double>(kind.rows), {{"state", report::FlowKindName(kind.kind)}});
  }
  page.Counter("shunt_flow_ends_total",
               "Flows that the collector has ended because they were idle, by their state; since the maps were made");
  for (const report::FlowKindCount& kind : packets.has_value() ? packets->flows.kinds : kNoKinds) {
    // It frees the rows of retired flows, which have ended before.
    if (kind.kind == report::FlowKind::kRetired) continue;
    page.Add(static_cast<double>(kind.ends), {{"state", report::FlowKindName(kind.kind)}});
  }
  page.Counter("shunt_flow_collector_rounds_total",
               "Rounds of the collector over all rows of flows; since the maps were made");
  if (packets.has_value()) page.Add(static_cast<double>(packets->flows.rounds));
  page.Gauge("shunt_snat_ports_used_max", "Source ports in use in the fullest of the sets that backends share");
  if (packets.has_value()) page.Add(packets->snat_ports_used);
  page.Gauge("shunt_snat_ports_limit", "Source ports in each set");
  if (packets.has_value()) page.Add(packets->snat_ports);
}

template <typename Value>
void AddOfPorts(const report::Traffic& traffic, Exposition& page, Value value) {
  for (const report::PortTraffic& port : traffic.ports) {
    page.Add(static_cast<double>(value(port.counters)), {{"namespace", port.service.namespace_name},
                                                         {"service", port.service.name},
                                                         {"port", absl::StrCat(port.port)},
                                                         {"protocol", model::ProtocolName(port.protocol)},
                                                         {"family", FamilyName(port.family)}});
  }
}

void AddTraffic(const report::Traffic& traffic, Exposition& page) {
  using Counters = report::ServiceStatus::PortCounters;
  page.Counter("shunt_service_translations_total", "Connections and datagrams led to a backend");
  AddOfPorts(traffic, page, [](const Counters& c) { return c.translated; });
  page.Counter("shunt_service_no_endpoints_total", "Refused because the Service has no endpoint");
  AddOfPorts(traffic, page, [](const Counters& c) { return c.no_endpoints; });
  page.Counter("shunt_service_local_misses_total", "Not served because a Local policy leaves no endpoint on this node");
  AddOfPorts(traffic, page, [](const Counters& c) { return c.local_misses; });
  page.Counter("shunt_backend_chosen_total", "Times that the backend was chosen");
  for (const report::BackendTraffic& backend : traffic.backends) {
    page.Add(static_cast<double>(backend.chosen),
             {{"backend", backend.address.address.ToStringWithPort(backend.address.port)}});
  }
  page.Gauge("shunt_series_left_out", "ServicePorts and backends without series of their own, because there are many");
  page.Add(static_cast<double>(traffic.ports_left_out), {{"kind", "service_ports"}});
  page.Add(static_cast<double>(traffic.backends_left_out), {{"kind", "backends"}});
}

}  // namespace

void AddShuntMetrics(const report::MetricsSnapshot& snapshot, Exposition& page) {
  AddAgent(snapshot, page);
  AddMaps(snapshot.status, page);
  AddLoop(snapshot, page);
  AddAudit(snapshot.agent, page);
  AddReflectorCounts(snapshot.source, page);
  AddReflectorState(snapshot, page);
  AddDatapath(snapshot, page);
  AddPackets(snapshot, page);
  AddTraffic(snapshot.traffic, page);
}

}  // namespace shunt::admin::http
