// SPDX-License-Identifier: Apache-2.0
// The flows that the packet path remembers, read from its maps.
#ifndef SHUNT_DATAPATH_FLOWS_H_
#define SHUNT_DATAPATH_FLOWS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/table.h"
#include "userspace/model/names.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// The kernel's clock, in which rows have their last use.
struct FlowClock {
  uint32_t jiffies = 0;  // the low half
  uint32_t hz = 0;       // jiffies per second, not 0
};

struct Flow {
  uint32_t row = 0;
  shunt_flow_kind kind = SHUNT_FLOW_KIND_OPENING;
  model::Protocol protocol = model::Protocol::kTcp;
  model::SocketAddress client;    // what it sends from,
  model::SocketAddress frontend;  // and to
  model::SocketAddress source;    // where the backend answers to: the client, or an address of this node
  model::SocketAddress backend;
  bool snat = false;      // the source is this node's, and so is the port
  bool host = false;      // the host's own, from a port that Shunt lends
  bool redirect = false;  // sent past the host's stack
  uint32_t service_port = 0;
  uint32_t pool = 0;
  uint32_t backend_id = 0;
  uint32_t idle_s = 0;  // since its last packet, to about a second
  uint32_t left_s = 0;  // until it ends, or its row is free, if no packet comes and the table does not fill up
};

// Returns "opening", "open", "half-closed", "closed", "one-way" (UDP without a reply), "answered" or "retired".
absl::string_view FlowKindName(shunt_flow_kind kind);
std::optional<shunt_flow_kind> ParseFlowKind(absl::string_view name);

// Returns nothing if the row is free, or is only being made.
std::optional<Flow> DecodeFlow(uint32_t row, const shunt_flow& flow, const FlowClock& clock);

// Calls `visit` with every flow of the tables flow_taken and flow_rows until it returns false. Programs change the
// tables meanwhile: what comes or goes may be missed, but no flow is mixed up with another, because a row rests for two
// seconds before it is another's. Returns the first error of a table.
absl::Status ForEachFlow(const Table& taken, const Table& rows, const FlowClock& clock,
                         const std::function<bool(const Flow&)>& visit);

// Returns how many flows of each kind there are now. What cannot be read is not counted.
std::array<uint64_t, SHUNT_FLOW_KIND_COUNT> CountFlows(const Table& taken, const Table& rows);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_FLOWS_H_
