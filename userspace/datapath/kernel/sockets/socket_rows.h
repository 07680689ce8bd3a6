// SPDX-License-Identifier: Apache-2.0
// Rows of socket_state that the agent claims for sockets of its own, as the programs do for theirs.
#ifndef SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_ROWS_H_
#define SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_ROWS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/maps/map_set.h"

namespace shunt::datapath {

// Gives the socket its row, with these flags of shunt_state_flags, or adds the flags to the row that it has.
// sock_release frees it. False: the row is another socket's. Thread-safe. REQUIRES: no call is under way on the socket.
absl::StatusOr<bool> ClaimSocketRow(const MapSet& maps, uint64_t cookie, uint32_t flags);

// Whether sock_release runs for sockets that this process makes: only then is a row that it claims ever free again.
// Found out by closing one. It does not in a process outside the cgroup that the programs are attached to; its sockets
// never meet our other programs either.
absl::StatusOr<bool> SocketRowsAreReleased(const MapSet& maps);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_ROWS_H_
