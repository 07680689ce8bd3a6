// SPDX-License-Identifier: Apache-2.0
// The packet path's tables in readable rows: MapReader's part for them.
#ifndef SHUNT_DATAPATH_PACKET_READER_H_
#define SHUNT_DATAPATH_PACKET_READER_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "userspace/datapath/tables.h"
#include "userspace/report/map_rows.h"

struct shunt_device;  // bpf/packet_abi.h
struct shunt_flow;

namespace shunt::datapath {

// Returns row `id` without its idle time and its set of ports, or nullopt if it is not one that a program could have
// written.
std::optional<report::FlowRow> DecodeFlow(uint32_t id, const shunt_flow& flow);

// Returns nullopt for a row with a role that there is not.
std::optional<report::DeviceRow> DecodeDevice(uint32_t ifindex, const shunt_device& device);

// Each visits the rows in use until `visit` returns false, as MapReader::Dump says.
using VisitRow = std::function<bool(const report::MapRow&)>;

absl::Status DumpNodePorts(const Tables& tables, const VisitRow& visit);
absl::Status DumpSourceRanges(const Tables& tables, const VisitRow& visit);
absl::Status DumpDevices(const Tables& tables, const VisitRow& visit);
absl::Status DumpFlowIndex(const Tables& tables, const VisitRow& visit);
// Rows whose bit is set in flow_taken. `jiffy_ns` is the length of a jiffy.
absl::Status DumpFlowRows(const Tables& tables, uint64_t jiffy_ns, const VisitRow& visit);
absl::Status DumpSnatPorts(const Tables& tables, const VisitRow& visit);
absl::Status DumpFlowLevel(const Tables& tables, const VisitRow& visit);
absl::Status DumpFragments(const Tables& tables, const VisitRow& visit);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_PACKET_READER_H_
