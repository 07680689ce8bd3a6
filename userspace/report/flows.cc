// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/flows.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_map.h"

namespace shunt::report {
namespace {

// By the row of service_ports.
using ServicePorts = absl::flat_hash_map<uint32_t, ServicePortRow>;

absl::StatusOr<ServicePorts> ReadServicePorts(const DumpRows& rows) {
  ServicePorts ports;
  absl::Status read = rows("service_ports", [&ports](const MapRow& row) {
    if (const auto* port = std::get_if<ServicePortRow>(&row)) ports.emplace(port->service_port, *port);
    return true;
  });
  if (!read.ok()) return read;
  return ports;
}

// Returns null if no Service has the flow now.
const ServicePortRow* PortOf(const FlowRow& flow, const ServicePorts& ports) {
  if (flow.flags.host) return nullptr;
  const auto found = ports.find(flow.service_port);
  return found == ports.end() ? nullptr : &found->second;
}

bool HasTuple(const FlowRow& flow, const FlowTuple& tuple) {
  if (flow.protocol != tuple.protocol) return false;
  return (flow.client == tuple.source && flow.frontend == tuple.destination) ||
         (flow.backend_address == tuple.source && flow.source == tuple.destination);
}

bool Chooses(const FlowFilter& filter, const FlowRow& flow, const ServicePortRow* port) {
  if (filter.service.has_value() && (port == nullptr || port->service != *filter.service)) return false;
  if (filter.backend.has_value() && flow.backend_address != *filter.backend) return false;
  if (filter.client.has_value() && flow.client.address != *filter.client) return false;
  if (filter.kind.has_value() && flow.kind != *filter.kind) return false;
  return !filter.tuple.has_value() || HasTuple(flow, *filter.tuple);
}

// Calls visit(flow, port) for each chosen flow; `port` is null if no Service has it.
template <typename Visit>
absl::Status ForEachFlow(const DumpRows& rows, const FlowFilter& filter, const Visit& visit) {
  const absl::StatusOr<ServicePorts> ports = ReadServicePorts(rows);
  if (!ports.ok()) return ports.status();
  return rows("flow_rows", [&](const MapRow& row) {
    const auto* flow = std::get_if<FlowRow>(&row);
    if (flow == nullptr) return true;
    const ServicePortRow* const port = PortOf(*flow, *ports);
    return !Chooses(filter, *flow, port) || visit(*flow, port);
  });
}

}  // namespace

absl::Status VisitFlows(const DumpRows& rows, const FlowFilter& filter,
                        const std::function<bool(const FlowStatus&)>& visit) {
  return ForEachFlow(rows, filter, [&visit](const FlowRow& flow, const ServicePortRow* port) {
    FlowStatus status{.row = flow, .service = {}, .port_name = {}};
    if (port != nullptr) {
      status.service = port->service;
      status.port_name = port->port_name;
      status.port = port->port;
    }
    return visit(status);
  });
}

absl::StatusOr<FlowCounts> CountFlows(const DumpRows& rows, const FlowFilter& filter) {
  FlowCounts counts;
  using Key = std::tuple<model::ObjectName, uint16_t, model::Protocol, std::string>;
  std::map<Key, ServiceFlows> services;
  absl::flat_hash_map<uint32_t, ServiceFlows*> place_of;  // by the row of service_ports
  ServiceFlows* none = nullptr;
  absl::Status read = ForEachFlow(rows, filter, [&](const FlowRow& flow, const ServicePortRow* port) {
    ServiceFlows*& place = port == nullptr ? none : place_of[port->service_port];
    if (place == nullptr) {
      const Key key = port == nullptr ? Key() : Key(port->service, port->port, port->protocol, port->port_name);
      place = &services[key];
      std::tie(place->service, place->port, place->protocol, place->port_name) = key;
    }
    const auto kind = static_cast<size_t>(flow.kind);
    ++counts.flows, ++counts.kinds[kind];
    ++place->flows, ++place->kinds[kind];
    return true;
  });
  if (!read.ok()) return read;
  for (auto& [key, service] : services) counts.services.push_back(std::move(service));
  std::stable_sort(counts.services.begin(), counts.services.end(),
                   [](const ServiceFlows& a, const ServiceFlows& b) { return a.flows > b.flows; });
  return counts;
}

absl::StatusOr<std::vector<SnatSetStatus>> ReadSnatSets(const DumpRows& rows) {
  using Key = std::tuple<model::SocketAddress, model::Protocol, model::IpAddress>;
  absl::flat_hash_map<uint32_t, std::map<Key, uint64_t>> users;
  absl::Status read = rows("flow_rows", [&users](const MapRow& row) {
    const auto* flow = std::get_if<FlowRow>(&row);
    if (flow == nullptr || !flow->snat_set.has_value()) return true;
    ++users[*flow->snat_set][Key(flow->backend_address, flow->protocol, flow->source.address)];
    return true;
  });
  if (!read.ok()) return read;
  std::vector<SnatSetStatus> sets;
  read = rows("snat_ports", [&](const MapRow& row) {
    const auto* set = std::get_if<SnatSetRow>(&row);
    if (set == nullptr) return true;
    SnatSetStatus& status = sets.emplace_back();
    status.set = set->set;
    status.ports_taken = set->ports_taken;
    status.ports = set->ports;
    for (const auto& [key, flows] : users[set->set]) {
      const auto& [backend, protocol, source] = key;
      status.users.push_back({.backend = backend, .protocol = protocol, .source = source, .flows = flows});
    }
    std::stable_sort(status.users.begin(), status.users.end(),
                     [](const SnatUser& a, const SnatUser& b) { return a.flows > b.flows; });
    return true;
  });
  if (!read.ok()) return read;
  std::stable_sort(sets.begin(), sets.end(),
                   [](const SnatSetStatus& a, const SnatSetStatus& b) { return a.ports_taken > b.ports_taken; });
  return sets;
}

}  // namespace shunt::report
