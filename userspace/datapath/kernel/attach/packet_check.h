// SPDX-License-Identifier: Apache-2.0
// What on this host breaks or slows the packet path, in plain words: a part of `shuntd check`.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_PACKET_CHECK_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_PACKET_CHECK_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bpf/packet_abi.h"
#include "userspace/datapath/kernel/attach/firewall_chains.h"
#include "userspace/datapath/kernel/attach/host_check.h"
#include "userspace/datapath/kernel/attach/reserved_ports.h"
#include "userspace/datapath/kernel/devices/device_plan.h"
#include "userspace/datapath/kernel/object/pins.h"

namespace shunt::datapath {

struct PacketDeviceFacts {
  std::string name;
  std::string kind;  // the driver's, as in Link
  shunt_device_role role = SHUNT_DEVICE_EXTERNAL;
  bool attach = false;  // it is to have our programs
  uint32_t mtu = 0;
  bool forwards_v4 = true;
  bool strict_rp_filter = false;       // net.ipv4.conf.*.rp_filter is 1, as the kernel combines the two values
  bool has_default_route = false;      // of IPv4
  std::vector<std::string> before_us;  // what gets its packets first: "the XDP program 7"
};

struct PacketFacts {
  bool kube_proxy_answers = false;
  bool forwards_v4 = true;  // net.ipv4.ip_forward, which devices inherit
  bool has_ipv6 = true;
  bool forwards_v6 = true;
  std::vector<PacketDeviceFacts> devices;  // those with a role
  std::vector<FirewallChain> chains;
  bool has_ipvs_device = false;  // kube-ipvs0
  std::string missing_ports;     // as MissingReservation() returns it
  // Of net.netfilter.nf_conntrack_*; nullopt where there is no connection tracking.
  std::optional<uint64_t> conntrack_count, conntrack_max;
};

// Returns a finding for each of: forwarding, forward policy, reverse path filter, device sizes, other programs, rules
// of kube-proxy, reserved ports, connection tracking. None is kMissing, because sockets are served without. Pure.
std::vector<Finding> JudgePackets(const PacketFacts& facts);

// Reads the facts of the calling thread's network namespace; what cannot be read is taken to be in order. `pins` tells
// our programs from those of others, and which ports flows borrow: `ports` if no agent has recorded that there.
PacketFacts ReadPacketFacts(const PinDirectory& pins, const DeviceSettings& settings, PortRange ports);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_PACKET_CHECK_H_
