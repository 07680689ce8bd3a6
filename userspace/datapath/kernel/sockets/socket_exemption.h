// SPDX-License-Identifier: Apache-2.0
// Sockets of the agent's own, which are never translated.
#ifndef SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_EXEMPTION_H_
#define SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_EXEMPTION_H_

#include "absl/status/status.h"
#include "userspace/datapath/kernel/maps/map_set.h"

namespace shunt::datapath {

// Tells the programs that use `maps` to leave the socket's destinations alone (KernelDatapath::ExemptSocket).
// Thread-safe. REQUIRES: called before connect().
absl::Status ExemptSocket(const MapSet& maps, int socket_fd);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_SOCKETS_SOCKET_EXEMPTION_H_
