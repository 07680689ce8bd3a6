// SPDX-License-Identifier: Apache-2.0
// What the programs have counted, joined with the ServicePorts and backends that they counted it for.
#ifndef SHUNT_REPORT_TRAFFIC_H_
#define SHUNT_REPORT_TRAFFIC_H_

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "userspace/model/service_plan.h"
#include "userspace/report/agent_status.h"
#include "userspace/report/map_rows.h"

namespace shunt::report {

// Visits the rows of the map with this name until `visit` returns false. It returns nothing, because its maker decides
// what a map that cannot be read means: it may log the error, keep it or ignore it. To the join, such a map is empty.
using VisitRows = std::function<void(absl::string_view map, const std::function<bool(const MapRow&)>& visit)>;

// Calls `visit` with every row of `map` that is a Row.
template <typename Row, typename Visit>
void ForEachRow(const VisitRows& rows, absl::string_view map, const Visit& visit) {
  rows(map, [&visit](const MapRow& row) {
    if (const Row* typed = std::get_if<Row>(&row)) visit(*typed);
    return true;
  });
}

// What the programs counted for one ServicePort in one family.
struct PortTraffic {
  uint32_t service_port = 0;  // its row
  model::ObjectName service;
  std::string port_name;
  uint16_t port = 0;
  model::Protocol protocol = model::Protocol::kTcp;
  model::IpFamily family = model::IpFamily::kV4;
  ServiceStatus::PortCounters counters;  // zeros if the map of counters does not have the row
};

struct BackendTraffic {
  model::SocketAddress address;
  uint64_t chosen = 0;   // 0 if the map of counters does not have the row
  uint32_t backend = 0;  // its row
};

// Reads `service_ports` and `service_counters`. Returns the ServicePorts in the order of the former; those of `only` if
// it is not null. Counters of a row that has no ServicePort are left out.
std::vector<PortTraffic> ReadPortTraffic(const VisitRows& rows, const model::ObjectName* only = nullptr);

// Reads `backends` and `backend_counters`. Returns the backends in the order of the former. Counters of a row that has
// no backend are left out.
std::vector<BackendTraffic> ReadBackendTraffic(const VisitRows& rows);

}  // namespace shunt::report

#endif  // SHUNT_REPORT_TRAFFIC_H_
