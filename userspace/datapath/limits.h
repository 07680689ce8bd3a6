// SPDX-License-Identifier: Apache-2.0
// How many rows each map gets when it is created. Limits are configuration; with other
// limits the agent makes another plan, and the memory that is pinned already keeps its sizes.
#ifndef SHUNT_DATAPATH_LIMITS_H_
#define SHUNT_DATAPATH_LIMITS_H_

#include <cstdint>

namespace shunt::datapath {

// The most rows that any limit may ask for. A pool's word has 24 bits for its first slot, and no other map needs more.
inline constexpr uint32_t kRowsMax = 1u << 24;

// The packet path's table of flows: the least that it may have, and what it has where nothing is configured.
inline constexpr uint32_t kFlowsMin = 1024;
inline constexpr uint32_t kFlowsDefault = 262'144;

// The most endpoints that a pool can hold (SHUNT_POOL_COUNT_MAX in bpf/abi.h, which the datapath alone includes).
inline constexpr uint32_t kPoolMembersMax = (1u << 18) - 1;

// Kernel memory with these defaults is about 50 MiB and, for each possible CPU, 3 MiB of counters: 64 bytes a service
// port, 8 a backend. With the packet path and kFlowsDefault it is 50 MiB more. `shuntctl map list` shows it.
struct Limits {
  uint32_t frontends = 65'536;      // includes the rows of addresses
  uint32_t service_ports = 32'768;  // one per ServicePort and family
  uint32_t pools = 65'536;
  uint32_t slots = 524'288;  // a changed pool needs its new run beside the old one for a grace period
  uint32_t backends = 131'072;
  uint32_t sockets = 262'144;  // direct-mapped rows, a power of two; more sockets than rows cost speed, not function
  uint32_t socket_peers = 65'536;
  uint32_t affinities = 65'536;
  uint32_t flows = 0;  // a power of two, or 0: the packet path is off, and each of its maps has the least size

  friend bool operator==(const Limits&, const Limits&) = default;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_LIMITS_H_
