// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/map_room.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace shunt::shuntctl {
namespace {

// Every map that has a limit, in the order of docs/maps.md.
constexpr MapRoom kRooms[] = {
    {.map = "meta"},
    {.map = "source_versions"},
    {.map = "prefix_filter"},  // with more bits set, more destinations are looked up
    {.map = "frontend_index", .when_full = WhenFull::kRefuses, .limit = "limits.frontends"},
    {.map = "frontend_rows", .when_full = WhenFull::kRefuses, .limit = "limits.frontends"},
    {.map = "pools", .when_full = WhenFull::kRefuses, .limit = "limits.pools"},
    {.map = "slots", .when_full = WhenFull::kRefuses, .limit = "limits.slots"},
    {.map = "backends", .when_full = WhenFull::kRefuses, .limit = "limits.backends"},
    {.map = "service_ports", .when_full = WhenFull::kRefuses, .limit = "limits.servicePorts"},
    {.map = "socket_state",
     .when_full = WhenFull::kSlows,
     .limit = "limits.sockets",
     .effect = "a socket without one is served too, but slower"},
    {.map = "socket_taken"},    // the same rows as socket_state
    {.map = "previous_state"},  // only empties
    {.map = "socket_peers",
     .when_full = WhenFull::kRefuses,
     .limit = "limits.socketPeers",
     .effect = "when it is full, a UDP socket that sends to more than eight Services gets ENOBUFS",
     .keeps_size = true},
    {.map = "socket_peer_counts"},  // network namespaces may share one
    {.map = "affinities"},          // the kernel evicts the oldest one, so that in time it is always full
    {.map = "scopes"},              // what does not fit is refused, and says so itself
    {.map = "scope_filter"},        // with more bits set, more cgroups are looked up
    {.map = "service_counters"},    // one for each row of service_ports
    {.map = "backend_counters"},    // one for each row of backends
    {.map = "reasons"},             // one for each reason there is
    {.map = "node_ports"},          // with more bits set, more packets are looked up
    {.map = "endpoint_filter"},     // the same
    {.map = "source_ranges"},       // a Service whose ranges do not fit is refused, and says so itself
    {.map = "devices"},             // has room for more devices than a node has
    {.map = "flow_index"},          // the same flows as flow_rows, with room to spare
    {.map = "flow_rows",
     .when_full = WhenFull::kRefuses,
     .limit = "limits.flows",
     .effect = "when it is full, the first packet of a new flow is dropped"},
    {.map = "flow_taken"},  // the same rows as flow_rows
    {.map = "snat_ports"},  // one set may be full while others are empty
    {.map = "flow_level"},
    {.map = "fragments"},  // the kernel evicts the oldest one
};

}  // namespace

const MapRoom* FindMapRoom(absl::string_view map) {
  const auto* const room =
      std::find_if(std::begin(kRooms), std::end(kRooms), [map](const MapRoom& one) { return one.map == map; });
  return room == std::end(kRooms) ? nullptr : room;
}

double FillOf(const admin::v1::MapFill& map) {
  return map.capacity() == 0 ? 0 : static_cast<double>(map.used()) / static_cast<double>(map.capacity());
}

std::string RoomAdvice(const admin::v1::MapFill& map, const MapRoom& room) {
  return absl::StrCat(map.used(), " of ", map.capacity(), " rows in use; ", room.effect,
                      room.effect.empty() ? "" : ": ", "raise ", room.limit,
                      " in shuntd's configuration and start shuntd again",
                      room.keeps_size ? ", after `shuntd cleanup`" : "");
}

}  // namespace shunt::shuntctl
