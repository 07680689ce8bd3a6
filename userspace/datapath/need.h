// SPDX-License-Identifier: Apache-2.0
// How many rows of each map a change takes: counted whole, also past the point where something ran out.
#ifndef SHUNT_DATAPATH_NEED_H_
#define SHUNT_DATAPATH_NEED_H_

#include <cstdint>

namespace shunt::datapath {

struct Need {
  uint32_t frontend_index = 0;  // places
  uint32_t unplaced = 0;        // of these: keys whose whole stretch of the index is full
  uint32_t frontend_rows = 0;
  uint32_t service_ports = 0;
  uint32_t pools = 0;
  uint32_t slots = 0;
  uint32_t longest_run = 0;  // of those slots
  uint32_t backends = 0;
  bool exceeded = false;  // something was not to be had
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_NEED_H_
