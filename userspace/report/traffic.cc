// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/traffic.h"

#include <cstddef>

#include "absl/container/flat_hash_map.h"

namespace shunt::report {

std::vector<PortTraffic> ReadPortTraffic(const VisitRows& rows, const model::ObjectName* only) {
  std::vector<PortTraffic> ports;
  absl::flat_hash_map<uint32_t, size_t> position_of;  // in `ports`, by row
  ForEachRow<ServicePortRow>(rows, "service_ports", [&](const ServicePortRow& row) {
    if (only != nullptr && row.service != *only) return;
    position_of.emplace(row.service_port, ports.size());
    ports.push_back({.service_port = row.service_port,
                     .service = row.service,
                     .port_name = row.port_name,
                     .port = row.port,
                     .protocol = row.protocol,
                     .family = row.family,
                     .counters = {}});
  });
  ForEachRow<ServiceCountersRow>(rows, "service_counters", [&](const ServiceCountersRow& row) {
    const auto position = position_of.find(row.service_port);
    if (position == position_of.end()) return;
    ports[position->second].counters = {
        .translated = row.translated, .no_endpoints = row.no_endpoints, .local_misses = row.local_misses};
  });
  return ports;
}

std::vector<BackendTraffic> ReadBackendTraffic(const VisitRows& rows) {
  std::vector<BackendTraffic> backends;
  absl::flat_hash_map<uint32_t, size_t> position_of;  // in `backends`, by row
  ForEachRow<BackendRow>(rows, "backends", [&](const BackendRow& row) {
    position_of.emplace(row.backend, backends.size());
    backends.push_back({.address = row.address, .chosen = 0, .backend = row.backend});
  });
  ForEachRow<BackendCountersRow>(rows, "backend_counters", [&](const BackendCountersRow& row) {
    const auto position = position_of.find(row.backend);
    if (position != position_of.end()) backends[position->second].chosen = row.chosen;
  });
  return backends;
}

}  // namespace shunt::report
