// SPDX-License-Identifier: Apache-2.0
// The ending of sockets whose backend is gone, in numbers, for status and metrics.
#ifndef SHUNT_REPORT_SOCKET_SWEEP_H_
#define SHUNT_REPORT_SOCKET_SWEEP_H_

#include <cstdint>
#include <string>

namespace shunt::report {

// The result of one sweep over the sockets of all network namespaces.
struct SocketSweep {
  uint64_t ended_udp = 0;
  uint64_t ended_tcp = 0;
  uint32_t namespaces = 0;              // swept
  uint32_t namespaces_not_entered = 0;  // known by name or process, but left out
  std::string problem;                  // what was left out, why, and what to do; empty if nothing was
};

// All sweeps since the agent's start.
struct SocketSweeps {
  std::string protocols;  // "udp", "all" or "off"
  std::string method;     // how sockets are ended, for people; empty if they are not
  uint64_t sweeps = 0;
  int64_t last_sweep_time_ms = 0;  // since 1970; 0 for never
  uint64_t ended_udp = 0;
  uint64_t ended_tcp = 0;
  // Of the last sweep.
  uint32_t namespaces = 0;
  uint32_t namespaces_not_entered = 0;
  std::string problem;
};

}  // namespace shunt::report

#endif  // SHUNT_REPORT_SOCKET_SWEEP_H_
