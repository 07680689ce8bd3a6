// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/packet_reader.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bpf/packet/flow_life.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/table_rows.h"

namespace shunt::datapath {
namespace {

constexpr model::Protocol kProtocols[] = {model::Protocol::kTcp, model::Protocol::kUdp, model::Protocol::kSctp};

std::optional<model::Protocol> DecodeProtocol(uint8_t number) {
  for (const model::Protocol protocol : kProtocols) {
    if (static_cast<uint8_t>(protocol) == number) return protocol;
  }
  return std::nullopt;
}

// From the last packet to the collector's last step, by the low halves of jiffies.
std::optional<uint64_t> IdleOf(const shunt_flow& flow, uint32_t tick, uint64_t jiffy_ns) {
  if (tick == 0) return std::nullopt;
  // A packet may have come since that step.
  const auto jiffies = static_cast<int32_t>(tick - flow.last_use);
  return static_cast<uint64_t>(std::max(jiffies, 0)) * jiffy_ns / 1'000'000;
}

// Programs count kinds by the same numbers.
static_assert(static_cast<uint32_t>(report::FlowKind::kRetired) == SHUNT_FLOW_KIND_RETIRED);
static_assert(report::kSnatSetPorts == SHUNT_SNAT_PORTS);
static_assert(report::kFlowKinds == SHUNT_FLOW_KIND_COUNT);

// In which set of snat_ports a flow has its port. `sets` is a power of two.
std::optional<uint32_t> SnatSetOf(const shunt_flow& flow, uint64_t seed, uint32_t sets) {
  if ((flow.flags & SHUNT_FLOW_SNAT) == 0 || sets == 0) return std::nullopt;
  return shunt_snat_set(seed, &flow, sets);
}

std::optional<report::DeviceRole> DecodeRole(uint8_t role) {
  switch (role) {
    case SHUNT_DEVICE_EXTERNAL:
      return report::DeviceRole::kExternal;
    case SHUNT_DEVICE_POD:
      return report::DeviceRole::kPod;
    case SHUNT_DEVICE_OVERLAY:
      return report::DeviceRole::kOverlay;
    default:
      return std::nullopt;
  }
}

std::optional<model::IpAddress> KnownAddress(const shunt_address& address) {
  const model::IpAddress known = DecodeAddress(address);
  return known.IsUnspecified() ? std::nullopt : std::optional(known);
}

std::string MacText(const uint8_t (&mac)[6]) {
  return absl::StrFormat("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

}  // namespace

std::optional<report::FlowRow> DecodeFlow(uint32_t id, const shunt_flow& flow) {
  const std::optional<model::Protocol> protocol = DecodeProtocol(flow.protocol);
  if (!protocol || (flow.mode != SHUNT_FLOW_STACK && flow.mode != SHUNT_FLOW_REDIRECT)) return std::nullopt;
  return report::FlowRow{
      .row = id,
      .protocol = *protocol,
      .client = DecodeSocketAddress(flow.client, flow.client_port),
      .frontend = DecodeSocketAddress(flow.frontend, flow.frontend_port),
      .backend_address = DecodeSocketAddress(flow.backend_address, flow.backend_port),
      .source = DecodeSocketAddress(flow.source, flow.source_port),
      .mode = flow.mode == SHUNT_FLOW_STACK ? report::FlowMode::kStack : report::FlowMode::kRedirect,
      .flags = {.snat = (flow.flags & SHUNT_FLOW_SNAT) != 0, .host = (flow.flags & SHUNT_FLOW_HOST) != 0},
      .state = {.settled = (flow.state & SHUNT_FLOW_SETTLED) != 0,
                .replied = (flow.state & SHUNT_FLOW_REPLIED) != 0,
                .confirmed = (flow.state & SHUNT_FLOW_CONFIRMED) != 0,
                .fin_forward = (flow.state & SHUNT_FLOW_FIN_FORWARD) != 0,
                .fin_reverse = (flow.state & SHUNT_FLOW_FIN_REVERSE) != 0,
                .reset = (flow.state & SHUNT_FLOW_RESET) != 0,
                .retired = (flow.state & SHUNT_FLOW_RETIRED) != 0,
                .withdrawn = (flow.state & SHUNT_FLOW_WITHDRAWN) != 0},
      .kind = static_cast<report::FlowKind>(shunt_flow_kind_of(flow.protocol, flow.state)),
      .idle_ms = std::nullopt,
      .service_port = flow.service_port,
      .pool = flow.pool,
      .backend = flow.backend,
      .forward_device = flow.forward_device,
      .reverse_device = flow.reverse_device,
      .forward_hop = flow.forward_hop >> SHUNT_HOP_SHIFT,
      .reverse_hop = flow.reverse_hop >> SHUNT_HOP_SHIFT,
      .snat_set = std::nullopt};
}

// Runs of set bits, because the ports for SNAT are one of thousands.
absl::Status DumpNodePorts(const Tables& tables, const VisitRow& visit) {
  constexpr uint32_t kPorts = 1u << 16;
  std::vector<report::PortRangeRow> ranges;
  uint32_t next = 0;  // the bit that would lengthen the last range
  absl::Status status = ForEachRow<uint64_t>(*tables.node_ports, [&](uint32_t index, uint64_t word) {
    for (; word != 0; word &= word - 1) {
      const uint32_t bit = index * 64 + static_cast<uint32_t>(std::countr_zero(word));
      const auto port = static_cast<uint16_t>(bit % kPorts);
      if (bit / kPorts >= std::size(kProtocols)) return false;
      if (ranges.empty() || bit != next || port == 0) ranges.push_back({kProtocols[bit / kPorts], port, port});
      ranges.back().last = port;
      next = bit + 1;
    }
    return true;
  });
  if (!status.ok()) return status;
  for (const report::PortRangeRow& range : ranges) {
    if (!visit(range)) break;
  }
  return absl::OkStatus();
}

absl::Status DumpSourceRanges(const Tables& tables, const VisitRow& visit) {
  auto rows = Collect<shunt_source_key, uint32_t>(*tables.source_ranges);
  if (!rows.ok()) return rows.status();
  std::sort(rows->begin(), rows->end(), [](const auto& a, const auto& b) {
    if (a.first.list != b.first.list) return a.first.list < b.first.list;
    const int order = std::memcmp(&a.first.address, &b.first.address, sizeof(a.first.address));
    return order != 0 ? order < 0 : a.first.prefix_length < b.first.prefix_length;
  });
  for (const auto& [key, value] : *rows) {
    const std::optional<model::IpPrefix> range = DecodeSource(key);
    if (range && !visit(report::SourceRangeRow{key.list, range->ToString()})) break;
  }
  return absl::OkStatus();
}

std::optional<report::DeviceRow> DecodeDevice(uint32_t ifindex, const shunt_device& device) {
  const std::optional<report::DeviceRole> role = DecodeRole(device.role);
  if (!role) return std::nullopt;
  return report::DeviceRow{.ifindex = ifindex,
                           .role = *role,
                           .link_header = device.link_header,
                           .mac = MacText(device.mac),
                           .mtu = device.mtu,
                           .master = device.master,
                           .source_v4 = KnownAddress(device.source_v4),
                           .source_v6 = KnownAddress(device.source_v6)};
}

absl::Status DumpDevices(const Tables& tables, const VisitRow& visit) {
  auto rows = Collect<uint32_t, shunt_device>(*tables.devices);
  if (!rows.ok()) return rows.status();
  std::sort(rows->begin(), rows->end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [ifindex, device] : *rows) {
    const std::optional<report::DeviceRow> row = DecodeDevice(ifindex, device);
    if (row.has_value() && !visit(*row)) break;
  }
  return absl::OkStatus();
}

absl::Status DumpFlowIndex(const Tables& tables, const VisitRow& visit) {
  return ForEachRow<shunt_flow_bucket>(*tables.flow_index, [&](uint32_t index, const shunt_flow_bucket& bucket) {
    for (const uint64_t entry : bucket.entry) {
      const uint32_t row = static_cast<uint32_t>(entry) & ~SHUNT_FLOW_REVERSE;
      if (row == 0) continue;
      if (!visit(report::FlowEntryRow{index, row - 1, (entry & SHUNT_FLOW_REVERSE) != 0})) return false;
    }
    return true;
  });
}

absl::Status DumpFlowRows(const Tables& tables, uint64_t jiffy_ns, const VisitRow& visit) {
  shunt_flow_level level = {};
  if (absl::Status status = tables.flow_level->Load(0, MutableBytesOf(level)); !status.ok()) return status;
  shunt_meta meta = {};
  if (absl::Status status = tables.meta->Load(0, MutableBytesOf(meta)); !status.ok()) return status;
  const uint32_t sets = tables.snat_ports->capacity() / SHUNT_SNAT_WORDS;
  absl::Status failure;
  absl::Status status = ForEachRow<uint64_t>(*tables.flow_taken, [&](uint32_t index, uint64_t word) {
    for (; word != 0; word &= word - 1) {
      const uint32_t id = index * 64 + static_cast<uint32_t>(std::countr_zero(word));
      if (id >= tables.flow_rows->capacity()) return true;
      shunt_flow flow = {};
      failure = tables.flow_rows->Load(id, MutableBytesOf(flow));
      if (!failure.ok()) return false;
      std::optional<report::FlowRow> row = DecodeFlow(id, flow);
      if (!row) continue;
      row->idle_ms = IdleOf(flow, level.tick, jiffy_ns);
      row->snat_set = SnatSetOf(flow, meta.flow_seed, sets);
      if (!visit(*row)) return false;
    }
    return true;
  });
  return failure.ok() ? status : failure;
}

absl::Status DumpSnatPorts(const Tables& tables, const VisitRow& visit) {
  report::SnatSetRow set = {.ports = SHUNT_SNAT_PORTS};
  return ForEachRow<uint64_t>(*tables.snat_ports, [&](uint32_t index, uint64_t word) {
    set.ports_taken += static_cast<uint32_t>(std::popcount(word));
    if (index % SHUNT_SNAT_WORDS != SHUNT_SNAT_WORDS - 1) return true;
    set.set = index / SHUNT_SNAT_WORDS;
    const bool goes_on = set.ports_taken == 0 || visit(set);
    set.ports_taken = 0;
    return goes_on;
  });
}

absl::Status DumpFlowLevel(const Tables& tables, const VisitRow& visit) {
  shunt_flow_level level = {};
  if (absl::Status status = tables.flow_level->Load(0, MutableBytesOf(level)); !status.ok()) return status;
  report::FlowLevelRow row = {.pressure = level.pressure,
                              .rows_taken = level.rows_taken,
                              .next_row = level.next_row,
                              .rounds = level.rounds,
                              .kinds = {}};
  for (uint32_t i = 0; i < SHUNT_FLOW_KIND_COUNT; ++i) {
    row.kinds.push_back({static_cast<report::FlowKind>(i), level.kinds[i], level.ends[i]});
  }
  visit(row);
  return absl::OkStatus();
}

absl::Status DumpFragments(const Tables& tables, const VisitRow& visit) {
  auto rows = Collect<shunt_fragment_key, shunt_fragment>(*tables.fragments);
  if (!rows.ok()) return rows.status();
  std::sort(rows->begin(), rows->end(),
            [](const auto& a, const auto& b) { return std::memcmp(&a.first, &b.first, sizeof(a.first)) < 0; });
  for (const auto& [key, ports] : *rows) {
    const std::optional<model::Protocol> protocol = DecodeProtocol(key.protocol);
    if (!protocol) continue;
    const report::FragmentRow row = {.source = DecodeSocketAddress(key.source, ports.source_port),
                                     .destination = DecodeSocketAddress(key.destination, ports.destination_port),
                                     .protocol = *protocol,
                                     .id = key.id};
    if (!visit(row)) break;
  }
  return absl::OkStatus();
}

}  // namespace shunt::datapath
