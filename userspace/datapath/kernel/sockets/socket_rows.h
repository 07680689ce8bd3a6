// SPDX-License-Identifier: Apache-2.0
// Rows of socket_state that the agent claims for its own sockets, as the programs do for the sockets they translate.
#ifndef SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_ROWS_H_
#define SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_ROWS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/maps/map_set.h"

namespace shunt::datapath {

// Which of the programs' rows. Those that programs claim may be the previous ones (maps/previous_rows.h).
enum class SocketRows { kCurrent, kPrevious };

// Gives the socket its row, with these flags of shunt_state_flags, or adds the flags to the row that it has. The
// program sock_release frees the row. Returns false if the row is another socket's. Thread-safe. REQUIRES: no other
// call is in progress on the socket.
absl::StatusOr<bool> ClaimSocketRow(const MapSet& maps, SocketRows rows, uint64_t cookie, uint32_t flags);

// Returns whether sock_release runs for sockets of this process, which is found out by closing one: otherwise a row
// that the process claims is never freed. It does not run in a process outside the cgroup that the programs are
// attached to; sockets of such a process do not meet our other programs either.
absl::StatusOr<bool> SocketRowsAreReleased(const MapSet& maps, SocketRows rows);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_ROWS_H_
