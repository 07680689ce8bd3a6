// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/packet_path.h"

#include <algorithm>
#include <variant>

namespace shunt::report {

std::optional<PacketPathStatus> PacketPathOf(const std::vector<MapFill>& fills,
                                             const std::vector<DeviceStatus>& devices) {
  const auto flows =
      std::find_if(fills.begin(), fills.end(), [](const MapFill& fill) { return fill.name == "flow_rows"; });
  // Where packets are not translated the map has the one row that every map has.
  if (flows == fills.end() || flows->capacity <= 1) return std::nullopt;
  PacketPathStatus path{.flows = flows->used, .flows_limit = flows->capacity};
  for (const DeviceStatus& device : devices) {
    if (device.in_force) ++path.devices_in_force;
    if (device.wanted && !device.in_force) ++path.devices_missing;
  }
  return path;
}

PacketMetrics ReadPacketMetrics(const PinnedMaps& maps) {
  PacketMetrics metrics;
  maps.DumpMap("flow_level",
               [&metrics](const MapRow& row) {
                 if (const auto* level = std::get_if<FlowLevelRow>(&row)) metrics.flows = *level;
                 return true;
               })
      .IgnoreError();
  maps.DumpMap("snat_ports",
               [&metrics](const MapRow& row) {
                 if (const auto* set = std::get_if<SnatSetRow>(&row)) {
                   metrics.snat_ports_used = std::max(metrics.snat_ports_used, set->ports_taken);
                 }
                 return true;
               })
      .IgnoreError();
  metrics.snat_ports = kSnatSetPorts;
  return metrics;
}

}  // namespace shunt::report
