// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/flows.h"

#include <arpa/inet.h>

#include <algorithm>
#include <iterator>

#include "bpf/packet/flow_life.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

constexpr absl::string_view kNames[] = {"opening", "open", "half-closed", "closed", "one-way", "answered", "retired"};
static_assert(std::size(kNames) == SHUNT_FLOW_KIND_COUNT);

bool IsFlow(const shunt_flow& flow) {
  return (flow.state & (SHUNT_FLOW_SETTLED | SHUNT_FLOW_RETIRED)) != 0;
}

model::SocketAddress Decode(const shunt_address& address, __be16 port) {
  return {DecodeAddress(address), ntohs(port)};
}

// Calls `visit` with the rows that have a flow until it returns false.
absl::Status ForEachRow(const Table& taken, const Table& rows,
                        const std::function<bool(uint32_t, const shunt_flow&)>& visit) {
  for (uint32_t index = 0; index < taken.capacity(); ++index) {
    uint64_t word = 0;
    if (absl::Status status = taken.Load(index, MutableBytesOf(word)); !status.ok()) return status;
    for (uint32_t bit = 0; word != 0; ++bit, word >>= 1) {
      const uint32_t row = index * 64 + bit;
      if ((word & 1) == 0 || row >= rows.capacity()) continue;
      shunt_flow flow = {};
      if (absl::Status status = rows.Load(row, MutableBytesOf(flow)); !status.ok()) return status;
      if (IsFlow(flow) && !visit(row, flow)) return absl::OkStatus();
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view FlowKindName(shunt_flow_kind kind) {
  return kind < SHUNT_FLOW_KIND_COUNT ? kNames[kind] : "unknown";
}

std::optional<shunt_flow_kind> ParseFlowKind(absl::string_view name) {
  const auto* found = std::find(std::begin(kNames), std::end(kNames), name);
  if (found == std::end(kNames)) return std::nullopt;
  return static_cast<shunt_flow_kind>(found - std::begin(kNames));
}

std::optional<Flow> DecodeFlow(uint32_t row, const shunt_flow& flow, const FlowClock& clock) {
  if (!IsFlow(flow)) return std::nullopt;
  // Negative if a program has used the flow since the clock was read.
  const auto idle = std::max(0, static_cast<int32_t>(clock.jiffies - flow.last_use));
  const uint32_t idle_s = static_cast<uint32_t>(idle) / clock.hz;
  const uint32_t limit_s = shunt_flow_idle_s(flow.protocol, flow.state, /*pressure=*/0);
  return Flow{.row = row,
              .kind = shunt_flow_kind_of(flow.protocol, flow.state),
              .protocol = static_cast<model::Protocol>(flow.protocol),
              .client = Decode(flow.client, flow.client_port),
              .frontend = Decode(flow.frontend, flow.frontend_port),
              .source = Decode(flow.source, flow.source_port),
              .backend = Decode(flow.backend_address, flow.backend_port),
              .snat = (flow.flags & SHUNT_FLOW_SNAT) != 0,
              .host = (flow.flags & SHUNT_FLOW_HOST) != 0,
              .redirect = flow.mode == SHUNT_FLOW_REDIRECT,
              .service_port = flow.service_port,
              .pool = flow.pool,
              .backend_id = flow.backend,
              .idle_s = idle_s,
              .left_s = limit_s - std::min(limit_s, idle_s)};
}

absl::Status ForEachFlow(const Table& taken, const Table& rows, const FlowClock& clock,
                         const std::function<bool(const Flow&)>& visit) {
  return ForEachRow(taken, rows,
                    [&](uint32_t row, const shunt_flow& flow) { return visit(*DecodeFlow(row, flow, clock)); });
}

std::array<uint64_t, SHUNT_FLOW_KIND_COUNT> CountFlows(const Table& taken, const Table& rows) {
  std::array<uint64_t, SHUNT_FLOW_KIND_COUNT> counts = {};
  ForEachRow(taken, rows, [&](uint32_t, const shunt_flow& flow) {
    ++counts[shunt_flow_kind_of(flow.protocol, flow.state)];
    return true;
  }).IgnoreError();
  return counts;
}

}  // namespace shunt::datapath
