// SPDX-License-Identifier: Apache-2.0
// The devices of this node as the packet path has them.
#ifndef SHUNT_REPORT_DEVICE_REPORT_H_
#define SHUNT_REPORT_DEVICE_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "userspace/model/ip_address.h"
#include "userspace/report/packet_rows.h"

namespace shunt::report {

// By what the programs are at a device's hooks.
enum class DeviceHook : uint8_t { kNone, kTcx, kClsact };

struct DeviceStatus {
  uint32_t index = 0;  // ifindex
  std::string name;    // empty if it is not known
  // nullopt: the packet path neither takes packets from it nor sends any there.
  std::optional<DeviceRole> role = std::nullopt;
  DeviceHook hook = DeviceHook::kNone;                       // kNone unless in_force
  bool wanted = false;                                       // it is to have the programs
  bool in_force = false;                                     // it has them, at ingress and at egress
  std::optional<model::IpAddress> source_v4 = std::nullopt;  // what SNAT towards it uses
  std::optional<model::IpAddress> source_v6 = std::nullopt;
  uint32_t mtu = 0;     // bytes; 0 if it is not known
  std::string why_not;  // of a device without programs: "it is the loopback device", or an error's text
};

struct DeviceReport {
  std::vector<DeviceStatus> devices;   // by index; empty if packets are not translated
  std::vector<std::string> unmatched;  // names in the settings that no device has
};

}  // namespace shunt::report

#endif  // SHUNT_REPORT_DEVICE_REPORT_H_
