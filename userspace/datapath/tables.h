// SPDX-License-Identifier: Apache-2.0
// The maps of one pin directory, by the names of bpf/maps.h.
#ifndef SHUNT_DATAPATH_TABLES_H_
#define SHUNT_DATAPATH_TABLES_H_

#include <memory>

#include "userspace/datapath/table.h"

namespace shunt::datapath {

// No pointer is null. Counters are plain arrays with a block of rows for every possible CPU (bpf/abi.h): their capacity
// is CPUs * stride, and a reader sums over the CPUs.
struct Tables {
  std::unique_ptr<Table> prefix_filter;
  std::unique_ptr<Table> frontend_index;
  std::unique_ptr<Table> frontend_rows;
  std::unique_ptr<Table> pools;
  std::unique_ptr<Table> slots;
  std::unique_ptr<Table> backends;
  std::unique_ptr<Table> service_ports;
  std::unique_ptr<Table> socket_state;
  std::unique_ptr<Table> socket_taken;    // one bit a row of socket_state
  std::unique_ptr<Table> previous_state;  // of one row if no socket may have a row from before a change of the size
  std::unique_ptr<Table> previous_taken;
  std::unique_ptr<Table> socket_peers;
  std::unique_ptr<Table> socket_peer_counts;
  std::unique_ptr<Table> affinities;
  std::unique_ptr<Table> service_counters;
  std::unique_ptr<Table> backend_counters;
  std::unique_ptr<Table> reasons;
  std::unique_ptr<Table> meta;
  std::unique_ptr<Table> source_versions;
  std::unique_ptr<Table> scopes;
  std::unique_ptr<Table> scope_filter;
  // The packet path's; of the least size where it is off (flow_sizes.h).
  std::unique_ptr<Table> node_ports;
  std::unique_ptr<Table> endpoint_filter;
  std::unique_ptr<Table> source_ranges;
  std::unique_ptr<Table> devices;
  std::unique_ptr<Table> flow_index;
  std::unique_ptr<Table> flow_rows;
  std::unique_ptr<Table> flow_taken;  // one bit a row of flow_rows
  std::unique_ptr<Table> snat_ports;
  std::unique_ptr<Table> flow_level;
  std::unique_ptr<Table> fragments;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TABLES_H_
