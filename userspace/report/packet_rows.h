// SPDX-License-Identifier: Apache-2.0
// The rows of the packet path's maps in readable form (map_rows.h).
#ifndef SHUNT_REPORT_PACKET_ROWS_H_
#define SHUNT_REPORT_PACKET_ROWS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/names.h"
#include "userspace/model/service_plan.h"

namespace shunt::report {

// An entry of flow_index. Its tag is not shown, because it comes from a secret seed.
struct FlowEntryRow {
  uint32_t bucket = 0;
  uint32_t row = 0;      // of flow_rows
  bool reverse = false;  // found by what the backend sends, else by what the client sends
};

// How a flow's packets go on.
enum class FlowMode : uint8_t { kStack, kRedirect };

// What a flow is, by what has happened to it: it decides how long the flow may be idle.
enum class FlowKind : uint8_t { kOpening, kOpen, kHalfClosed, kClosed, kDatagrams, kAnswered, kRetired };
inline constexpr size_t kFlowKinds = 7;

struct FlowFlags {
  bool snat = false;  // `source` is an address of this node
  bool host = false;  // a flow of the host itself, known for its source port only

  friend bool operator==(const FlowFlags&, const FlowFlags&) = default;
};

struct FlowState {
  bool settled = false;  // its maker has found no other flow with its tuples; until then no packet finds it
  bool replied = false;
  bool confirmed = false;  // after a reply the client has sent more than a SYN
  bool fin_forward = false;
  bool fin_reverse = false;
  bool reset = false;
  bool retired = false;    // it has ended: no packet finds it
  bool withdrawn = false;  // no entry leads to it, and it is about to be free

  friend bool operator==(const FlowState&, const FlowState&) = default;
};

struct FlowRow {
  uint32_t row = 0;
  model::Protocol protocol = model::Protocol::kTcp;
  model::SocketAddress client;           // the client's packets go from it
  model::SocketAddress frontend;         // to it
  model::SocketAddress backend_address;  // the replies come from it
  model::SocketAddress source;           // to it
  FlowMode mode = FlowMode::kStack;
  FlowFlags flags;
  FlowState state;
  FlowKind kind = FlowKind::kOpening;  // of this state
  std::optional<uint64_t> idle_ms;     // from the last packet to the collector's last step; nullopt if that never ran
  uint32_t service_port = 0;
  uint32_t pool = 0;
  uint32_t backend = 0;
  uint32_t forward_device = 0;  // ifindex, or 0: the stack decides
  uint32_t reverse_device = 0;  // ifindex
  // The link-layer address of the next hop towards the backend, and of that towards the client, in the low 48 bits,
  // first byte highest; 0: not looked up, as always in mode kStack.
  uint64_t forward_hop = 0;
  uint64_t reverse_hop = 0;
  std::optional<uint32_t> snat_set;  // the set of snat_ports of which it has a port; nullopt if it has none
};

// Ports in each set of snat_ports.
inline constexpr uint32_t kSnatSetPorts = 1u << 14;

// A set of snat_ports in which a port is taken.
struct SnatSetRow {
  uint32_t set = 0;
  uint32_t ports_taken = 0;
  uint32_t ports = 0;
};

// What the collector found of one kind of flow.
struct FlowKindCount {
  FlowKind kind = FlowKind::kOpening;
  uint64_t rows = 0;  // in the last round
  uint64_t ends = 0;  // that the collector ended, since the table was made
};

struct FlowLevelRow {
  uint32_t pressure = 0;  // 0 none, 1 above three quarters of the rows, 2 above nine tenths
  uint32_t rows_taken = 0;
  uint32_t next_row = 0;
  uint64_t rounds = 0;
  std::vector<FlowKindCount> kinds;
};

// Ports of node_ports that follow one another.
struct PortRangeRow {
  model::Protocol protocol = model::Protocol::kTcp;
  uint16_t first = 0;
  uint16_t last = 0;
};

struct SourceRangeRow {
  uint32_t list = 0;
  std::string prefix;  // in CIDR form
};

enum class DeviceRole : uint8_t { kExternal, kPod, kOverlay };

struct DeviceRow {
  uint32_t ifindex = 0;
  DeviceRole role = DeviceRole::kExternal;
  uint32_t link_header = 0;  // bytes
  std::string mac;           // as "02:00:00:00:00:01"
  uint32_t mtu = 0;
  uint32_t master = 0;                        // ifindex of its bridge, or 0
  std::optional<model::IpAddress> source_v4;  // what SNAT towards it uses
  std::optional<model::IpAddress> source_v6;
};

struct FragmentRow {
  model::SocketAddress source;
  model::SocketAddress destination;
  model::Protocol protocol = model::Protocol::kUdp;
  uint32_t id = 0;
};

// The words for these values in the admin API and in shuntctl, as in map_rows.h.
std::vector<absl::string_view> FlagNames(const FlowFlags& flags);
std::vector<absl::string_view> FlagNames(const FlowState& state);
absl::string_view FlowModeName(FlowMode mode);
absl::string_view FlowKindName(FlowKind kind);
std::optional<FlowKind> ParseFlowKind(absl::string_view name);
// Returns "02:00:00:00:00:01" of a hop as in FlowRow; empty if it is 0.
std::string HopText(uint64_t hop);
absl::string_view DeviceRoleName(DeviceRole role);

}  // namespace shunt::report

#endif  // SHUNT_REPORT_PACKET_ROWS_H_
