// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/serve/live_view.h"

#include <algorithm>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "userspace/agent/process/clock.h"
#include "userspace/agent/process/log.h"
#include "userspace/agent/process/process_usage.h"
#include "userspace/agent/serve/read_traffic.h"
#include "userspace/report/packet_path.h"
#include "userspace/report/traffic.h"

namespace shunt::agent {
namespace {

// Maximum number of problems, and of warnings, in one status; the ledger reports how many Services more have one.
constexpr size_t kProblemsMax = 1000;
// Number of entries that are read under one lock of the ledger.
constexpr size_t kPage = 500;

using PortCounters = report::ServiceStatus::PortCounters;
// Identifies the PortPlan that a row of service_ports belongs to.
using PortKey = std::tuple<model::ObjectName, std::string, uint16_t, model::Protocol, model::IpFamily>;
using CountersByPort = absl::flat_hash_map<PortKey, PortCounters>;

// A map that cannot be read counts as empty: the answer then lacks its numbers.
report::VisitRows RowsOf(const report::PinnedMaps& maps) {
  return [&maps](absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) {
    const absl::Status status = maps.DumpMap(map, visit);
    if (!status.ok()) LogError(status, "Cannot read a map for the admin API", {{"map", map}});
  };
}

// Returns the counters of Service `only`, or of all Services if it is null.
CountersByPort ReadPortCounters(const report::PinnedMaps& maps, const model::ObjectName* only) {
  CountersByPort counters;
  for (const report::PortTraffic& port : report::ReadPortTraffic(RowsOf(maps), only)) {
    counters[PortKey(port.service, port.port_name, port.port, port.protocol, port.family)] = port.counters;
  }
  return counters;
}

// Why objects of Services are refused, by Service, each with its place.
using Refusals = absl::flat_hash_map<model::ObjectName, std::vector<std::string>>;

Refusals RefusalsOf(const std::vector<sources::SourceProblem>& problems) {
  Refusals refusals;
  for (const sources::SourceProblem& problem : problems) {
    if (!problem.refused_service.has_value()) continue;
    refusals[*problem.refused_service].push_back(absl::StrCat(problem.where, ": ", problem.what));
  }
  return refusals;
}

report::ServiceStatus ToStatus(const Ledger::Entry& entry, const CountersByPort& counters, const Refusals& refusals) {
  report::ServiceStatus status{.plan = *entry.plan, .applied = entry.applied};
  if (const auto refused = refusals.find(entry.plan->service); refused != refusals.end()) {
    status.refusals = refused->second;
  }
  for (const model::PortPlan& port : entry.plan->ports) {
    const auto found = counters.find(PortKey(entry.plan->service, port.name, port.port, port.protocol, port.family));
    status.port_counters.push_back(found == counters.end() ? PortCounters() : found->second);
  }
  return status;
}

// Visits every entry in name order until `visit` returns false; the ledger is locked page by page.
void ForEachEntry(const Ledger& ledger, const std::function<bool(const Ledger::Entry&)>& visit) {
  std::vector<Ledger::Entry> page = ledger.PageAfter(nullptr, kPage);
  while (!page.empty()) {
    for (const Ledger::Entry& entry : page) {
      if (!visit(entry)) return;
    }
    const model::ObjectName last = page.back().plan->service;
    page = ledger.PageAfter(&last, kPage);
  }
}

CountersByPort ReadCounters(const report::OpenPinnedMaps& open_maps, const model::ObjectName* only) {
  const absl::StatusOr<std::unique_ptr<const report::PinnedMaps>> maps = open_maps();
  if (maps.ok()) return ReadPortCounters(**maps, only);
  LogError(maps.status(), "Cannot read counters for the admin API");
  return {};
}

}  // namespace

report::AgentStatus LiveView::StatusWithoutMaps() const {
  report::AgentStatus status = identity_;
  const LoopState state = loop_.state();
  status.synced = state.synced;
  status.applies = state.applies;
  status.last_apply_time_ms = state.last_apply_time_ms;
  status.answer_time_ms = ReadClocks().wall_ms;
  status.last_audit = loop_.last_audit();
  status.socket_sweeps = parts_.socket_sweeps();
  status.source_status = parts_.source_status();
  status.programs_current = parts_.programs_current();
  status.observing &= status.programs_current;
  const Ledger::Totals totals = ledger_.totals();
  status.services = totals.services;
  status.frontends = totals.frontends;
  status.failed_services = totals.failed;
  status.warned_services = totals.warned;
  for (const sources::SourceProblem& problem : state.source_problems) {
    status.problems.push_back({problem.where, problem.what, problem.advice, problem.refused_service});
  }
  if (!state.addresses_problem.empty()) status.problems.push_back({"node addresses", state.addresses_problem});
  if (!state.node_problem.empty()) status.problems.push_back({"node name", state.node_problem});
  for (report::StatusProblem& problem : parts_.Problems()) status.problems.push_back(std::move(problem));
  for (report::StatusProblem& problem : ledger_.Problems(kProblemsMax)) {
    status.problems.push_back(std::move(problem));
  }
  status.service_warnings = ledger_.Warnings(kProblemsMax);
  return status;
}

report::AgentStatus LiveView::StatusNow() const {
  report::AgentStatus status = StatusWithoutMaps();
  const absl::StatusOr<std::unique_ptr<const report::PinnedMaps>> maps = open_maps_();
  if (!maps.ok()) {
    status.problems.push_back({"maps", std::string(maps.status().message())});
    return status;
  }
  status.maps = (*maps)->FillLevels();
  status.programs = (*maps)->Programs();
  status.sign_of_life = (*maps)->LastSignOfLife();
  report::ForEachRow<report::MetaRow>(RowsOf(**maps), "meta",
                                      [&](const report::MetaRow& row) { status.observing = row.features.observe; });
  report::ForEachRow<report::ReasonRow>(RowsOf(**maps), "reasons",
                                        [&](const report::ReasonRow& row) { status.reasons.push_back(row); });
  status.packet_path = report::PacketPathOf(status.maps, parts_.devices().devices);
  for (const report::MapFill& fill : status.maps) {
    if (fill.name == "backends") status.backends = static_cast<uint32_t>(fill.used);
  }
  return status;
}

absl::StatusOr<report::AgentStatus> LiveView::Status() const {
  return StatusNow();
}

absl::Status LiveView::Services(const std::function<bool(const report::ServiceStatus&)>& visit) const {
  const CountersByPort counters = ReadCounters(open_maps_, nullptr);
  const Refusals refusals = RefusalsOf(loop_.state().source_problems);
  ForEachEntry(ledger_, [&](const Ledger::Entry& entry) { return visit(ToStatus(entry, counters, refusals)); });
  return absl::OkStatus();
}

absl::StatusOr<std::optional<report::ServiceStatus>> LiveView::Service(const model::ObjectName& name) const {
  const std::optional<Ledger::Entry> entry = ledger_.Find(name);
  if (!entry.has_value()) return std::nullopt;
  return ToStatus(*entry, ReadCounters(open_maps_, &name), RefusalsOf(loop_.state().source_problems));
}

absl::StatusOr<std::vector<report::BackendStatus>> LiveView::Backends() const {
  const absl::StatusOr<std::unique_ptr<const report::PinnedMaps>> maps = open_maps_();
  if (!maps.ok()) {
    LogError(maps.status(), "Cannot read backends for the admin API");
    return std::vector<report::BackendStatus>();
  }
  std::vector<report::BackendStatus> backends;
  absl::flat_hash_map<model::SocketAddress, size_t> place_of;
  for (const report::BackendTraffic& backend : report::ReadBackendTraffic(RowsOf(**maps))) {
    place_of.emplace(backend.address, backends.size());
    backends.push_back({.id = backend.backend, .address = backend.address, .chosen = backend.chosen});
  }
  ForEachEntry(ledger_, [&](const Ledger::Entry& entry) {
    for (const model::PortPlan& port : entry.plan->ports) {
      for (const model::Pool& pool : port.pools) {
        for (const model::PoolMember& member : pool.members) {
          const auto place = place_of.find(member.backend);
          if (place == place_of.end()) continue;
          // Entries are in name order, so a Service that is in the list already is the last one.
          std::vector<model::ObjectName>& services = backends[place->second].services;
          if (services.empty() || services.back() != entry.plan->service) services.push_back(entry.plan->service);
        }
      }
    }
    return true;
  });
  std::sort(backends.begin(), backends.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return backends;
}

absl::StatusOr<report::DeviceReport> LiveView::Devices() const {
  return parts_.devices();
}

absl::Status LiveView::DumpMap(absl::string_view map, const std::function<bool(const report::MapRow&)>& visit) const {
  const absl::StatusOr<std::unique_ptr<const report::PinnedMaps>> maps = open_maps_();
  return maps.ok() ? (*maps)->DumpMap(map, visit) : maps.status();
}

absl::StatusOr<report::AuditReport> LiveView::Audit() const {
  return loop_.Audit();
}

report::MetricsSnapshot LiveView::Metrics() const {
  report::MetricsSnapshot snapshot;
  snapshot.status = StatusNow();
  snapshot.agent = loop_.metrics().Read();
  snapshot.local_misses = ledger_.totals().local_misses;
  snapshot.source = snapshot.status.source_status;
  if (const auto maps = open_maps_(); maps.ok()) {
    if (snapshot.status.packet_path.has_value()) snapshot.packets = report::ReadPacketMetrics(**maps);
    snapshot.traffic = ReadTraffic(**maps, snapshot.status.maps, TrafficLimits());
  }
  snapshot.process = ReadProcessUsage();
  snapshot.now_ms = ReadClocks().wall_ms;
  return snapshot;
}

}  // namespace shunt::agent
