// SPDX-License-Identifier: Apache-2.0
// What it means that a map fills up, and which limit gives it more room.
#ifndef SHUNT_TOOLS_SHUNTCTL_MAP_ROOM_H_
#define SHUNT_TOOLS_SHUNTCTL_MAP_ROOM_H_

#include <string>

#include "absl/strings/string_view.h"
#include "shunt/admin/v1/status.pb.h"

namespace shunt::shuntctl {

enum class WhenFull {
  kNothing,  // what is new finds its place: the map says how much there is, not how much is left
  kSlows,    // what is new finds its place elsewhere, where it costs more
  kRefuses,  // what is new is refused
};

struct MapRoom {
  absl::string_view map;
  WhenFull when_full = WhenFull::kNothing;
  absl::string_view limit = {};   // of shuntd's configuration: "limits.slots"
  absl::string_view effect = {};  // what happens to what is new, where a Service that is refused does not tell already
  bool keeps_size = false;        // another limit takes effect only after `shuntd cleanup`
};

// Returns what the map's fill means, or nullptr if this build does not know the map. Lives as long as the program.
const MapRoom* FindMapRoom(absl::string_view map);

// Returns the share of the map's rows that are in use, or 0 if the map cannot fill up.
double FillOf(const admin::v1::MapFill& map);

// Returns what to do about a map that is nearly full: "9 of 10 rows in use; raise limits.slots in shuntd's ...".
// REQUIRES: room.when_full is not kNothing.
std::string RoomAdvice(const admin::v1::MapFill& map, const MapRoom& room);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_MAP_ROOM_H_
