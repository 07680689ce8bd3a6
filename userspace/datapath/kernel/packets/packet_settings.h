// SPDX-License-Identifier: Apache-2.0
// What the packet path's programs must know of this host, and what is decided for them.
#ifndef SHUNT_DATAPATH_KERNEL_PACKETS_PACKET_SETTINGS_H_
#define SHUNT_DATAPATH_KERNEL_PACKETS_PACKET_SETTINGS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "bpf/packet/packet_config.h"
#include "userspace/datapath/kernel/devices/device_plan.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/lent_ports.h"

namespace shunt::datapath {

struct PacketOptions {
  DeviceSettings devices;
  uint16_t first_snat_port = kFirstSnatPort;  // at most kFirstSnatPort
  bool external_cluster_ip = false;           // clients from outside may dial a ClusterIP
};

// Returns the configuration of programs that use `maps`. Returns the error of a question to the kernel.
absl::StatusOr<shunt_packet_config> PacketConfigOf(const MapSet& maps, const PacketOptions& options);

// Returns how often a second the kernel's clock of jiffies ticks. The resolution of the coarse clocks is one tick
// (clock_getres(2)).
absl::StatusOr<uint32_t> JiffiesPerSecond();

// Returns whether bpf_l4_csum_replace() takes BPF_F_IPV6, which kernels have since Linux 6.16 and in later releases of
// older series: so it is tried, on a packet that is sent nowhere.
absl::StatusOr<bool> HasIpv6ChecksumFlag();

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_PACKETS_PACKET_SETTINGS_H_
