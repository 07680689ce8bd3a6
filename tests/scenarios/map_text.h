// SPDX-License-Identifier: Apache-2.0
// Shows what a datapath's maps hold, in lines that do not depend on which ids were free.
#ifndef SHUNT_TESTS_SCENARIOS_MAP_TEXT_H_
#define SHUNT_TESTS_SCENARIOS_MAP_TEXT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "userspace/datapath/tables.h"
#include "userspace/report/map_rows.h"

namespace shunt::scenarios {

// The rows that describe Services, by id.
struct MapRows {
  std::vector<report::FrontendRow> frontends;  // by address
  std::map<uint32_t, report::ServicePortRow> service_ports;
  std::map<uint32_t, report::PoolRow> pools;
  std::map<uint32_t, report::SlotRow> slots;
  std::map<uint32_t, report::BackendRow> backends;
  std::map<uint32_t, std::vector<std::string>> source_lists;
};

// Reads the rows with a MapReader. Returns kDataLoss if the index and the frontend rows name different rows.
absl::StatusOr<MapRows> ReadMapRows(const datapath::Tables& tables);

// For example:
//
//     frontend 10.96.0.10 address cluster_ip
//     frontend 10.96.0.10:80/TCP ClusterIP -> service port 1, pool 1
//     frontend 192.0.2.80:80/TCP LoadBalancer -> service port 1, pool 1, source_ranges (198.51.100.0/24)
//     service port 1 shop/web:http 80/TCP IPv4
//     pool 1: backend 1, backend 2 (or 1 beyond 50.00%)
//     backend 1 10.244.1.5:8080
//     backend 2 10.244.2.7:8080
//
// Ids are renumbered: service ports by name, pools in the order in which frontends name them, backends by address. A
// pool that no frontend names is shown as unused, also while its id is in its grace period.
std::string MapText(const MapRows& rows);

// Returns a sentence for each id that `after` changed without need: that of a backend or a ServicePort that was in use
// before. Programs keep these ids with sockets and affinities.
std::vector<std::string> ChangedIds(const MapRows& before, const MapRows& after);

}  // namespace shunt::scenarios

#endif  // SHUNT_TESTS_SCENARIOS_MAP_TEXT_H_
