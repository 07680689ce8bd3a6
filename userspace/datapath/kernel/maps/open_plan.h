// SPDX-License-Identifier: Apache-2.0
// Which maps an agent works on: those of the plan in force, or a new plan that will take its place.
#ifndef SHUNT_DATAPATH_KERNEL_MAPS_OPEN_PLAN_H_
#define SHUNT_DATAPATH_KERNEL_MAPS_OPEN_PLAN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/limits.h"

namespace shunt::datapath {

struct OpenedPlan {
  PlanPins pins;
  MapSet maps;
  // The directory of what the programs in force use until they are replaced; empty if that is this plan, or nothing.
  std::string takes_over_from;
  // Programs may use this plan at once. Otherwise it has less than what it takes over from, and programs should not be
  // replaced before everything has been applied to it.
  bool may_serve = true;
};

// Which sizes the maps of a plan must have to be used as they are.
enum class PlanSizes { kConfigured, kAsFound };

// Opens the plan in force if it has exactly this build's maps, with its layout and with the sizes of `limits`.
// Otherwise makes a new plan, pinned but not in force:
//  - filled with the rows of the plan in force, under the same ids, if that is of the same version;
//  - otherwise empty, to be filled by Apply.
// The memory is shared with the plan in force if it has this build's layout; otherwise a new one is made. If it has
// another number of rows for sockets, or previous ones that no socket has, a new memory is made that shares the rest
// (maps/previous_rows.h); socket_peers keeps its size. If its maps of flows have another size and hold no flow, a new
// memory is made that shares all but those; while they hold flows they keep their size. Whatever is decided is appended
// to `notes`. Plans and memories left over from an interrupted take-over are removed. Returns kInvalidArgument if the
// limits are invalid. REQUIRES: the caller holds the agent's lock.
absl::StatusOr<OpenedPlan> OpenPlan(const PinDirectory& pins, const Limits& limits, PlanSizes sizes,
                                    std::vector<std::string>* notes);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_OPEN_PLAN_H_
