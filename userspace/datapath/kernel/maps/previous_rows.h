// SPDX-License-Identifier: Apache-2.0
// What becomes of the rows of live sockets when the size of socket_state changes. The two maps get another name, under
// which programs go on finding those rows; new sockets get rows in maps of the new size. Once no program claims a row
// in the previous maps, they are closed: from then on they only empty, as their sockets end.
#ifndef SHUNT_DATAPATH_KERNEL_MAPS_PREVIOUS_ROWS_H_
#define SHUNT_DATAPATH_KERNEL_MAPS_PREVIOUS_ROWS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/maps/map_set.h"

namespace shunt::datapath {

// Names the rows for sockets in `maps` the previous ones, and leaves the set without others. REQUIRES: it has no
// previous rows.
absl::Status MakeRowsPrevious(MapSet& maps);

// Returns whether there are previous rows in which a program may still claim one.
absl::StatusOr<bool> PreviousRowsAreOpen(const MapSet& maps);

// Says in `meta`, by one store, that no program claims a previous row. REQUIRES: none does, and none can at a later
// time; so the programs in force claim others, and those before them have ended.
absl::Status ClosePreviousRows(const MapSet& maps);

// Returns whether no socket has a previous row, and none can get one.
absl::StatusOr<bool> PreviousRowsAreDone(const MapSet& maps);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_PREVIOUS_ROWS_H_
