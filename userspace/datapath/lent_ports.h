// SPDX-License-Identifier: Apache-2.0
// The ports of this node that are lent to flows, as their source towards a backend.
#ifndef SHUNT_DATAPATH_LENT_PORTS_H_
#define SHUNT_DATAPATH_LENT_PORTS_H_

#include <cstdint>

namespace shunt::datapath {

inline constexpr uint32_t kSnatPorts = 16'384;  // SHUNT_SNAT_PORTS
// Where they begin unless something else is configured: as high as they can.
inline constexpr uint16_t kFirstSnatPort = 65'536 - kSnatPorts;

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_LENT_PORTS_H_
