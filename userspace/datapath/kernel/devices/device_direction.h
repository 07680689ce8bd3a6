// SPDX-License-Identifier: Apache-2.0
// The two ways of a packet at a device.
#ifndef SHUNT_DATAPATH_KERNEL_DEVICES_DEVICE_DIRECTION_H_
#define SHUNT_DATAPATH_KERNEL_DEVICES_DEVICE_DIRECTION_H_

#include <array>

namespace shunt::datapath {

enum class Direction { kIngress, kEgress };

// In the order of attaching: egress only undoes translations. Detaching takes the opposite order.
inline constexpr std::array<Direction, 2> kDirections = {Direction::kEgress, Direction::kIngress};

inline const char* DirectionName(Direction direction) {
  return direction == Direction::kIngress ? "ingress" : "egress";
}

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_DEVICES_DEVICE_DIRECTION_H_
