// SPDX-License-Identifier: Apache-2.0
// What the packet path is told of each device, and which devices get its programs. Pure: no kernel.
#ifndef SHUNT_DATAPATH_KERNEL_DEVICES_DEVICE_PLAN_H_
#define SHUNT_DATAPATH_KERNEL_DEVICES_DEVICE_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/kernel/devices/link_list.h"

namespace shunt::datapath {

// In a list of DeviceSettings: every device that has this role by its kind.
inline constexpr char kAutoDevices[] = "auto";

// Which devices get programs. Each list has names of devices with the wildcards of glob(7), or kAutoDevices. Where a
// name is in both lists, the device counts as external, the role with less trust.
struct DeviceSettings {
  std::vector<std::string> external;  // by which clients from outside come, and other nodes
  std::vector<std::string> pods;      // pods' ends on the host, and bridges of pods
};

struct PlannedDevice {
  uint32_t index = 0;
  std::string name;
  // What map `devices` says of it; nullopt if the packet path neither takes packets from it nor sends any there.
  std::optional<shunt_device> row;
  bool attach = false;  // it is to have the programs; then it has a row
  std::string why_not;  // a sentence's end, "it is ...", of a device that is not to have them
};

// Returns all of `links`, in their order. What has no name in the settings has the role of its kind:
//
//   hardware, bond, VLAN, macvlan, ...                                         external
//   vxlan, geneve, ipip, gre, sit, wireguard, ...                              overlay: `external` chooses these too
//   veth and netkit whose other end is in another namespace, tap               pod
//   ... but a veth with an address of a subnet, because it is a node's uplink
//       where nodes are containers                                             external
//   bridge                                                                     external if a port of it is, else pod
//   dummy, ifb and the like, lo, ports of a bond or team, a link layer other
//   than Ethernet or none                                                      none: no row, no programs
//
// A device that is down is planned as if it were up, so that its first packet meets the programs.
//
// The source address of a family is the first that the device has, a secondary one only if it has no other; else its
// bridge's; else the node's: that of the first external device that has one. kube-ipvs0 and the like have Services'
// addresses, never the node's.
std::vector<PlannedDevice> PlanDevices(absl::Span<const Link> links, const DeviceSettings& settings);

// Returns the entries of the settings, kAutoDevices excepted, that are the name of no device.
std::vector<std::string> UnmatchedDevices(absl::Span<const Link> links, const DeviceSettings& settings);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_DEVICES_DEVICE_PLAN_H_
