// SPDX-License-Identifier: Apache-2.0
// A set of ports as the kernel writes it in net.ipv4.ip_local_reserved_ports: "8080,9000-9010". Pure: no kernel.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_PORT_LIST_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_PORT_LIST_H_

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace shunt::datapath {

inline constexpr size_t kPortCount = 65536;

// By port.
using PortSet = std::bitset<kPortCount>;

// The longest list: every second port, each with its comma.
inline constexpr size_t kPortListBytesMax = kPortCount / 2 * 6;

// Returns the set of the ports from `first` to `last`. REQUIRES: first <= last.
PortSet PortsBetween(uint16_t first, uint16_t last);

// Returns the ports of a list: numbers and ranges between commas, in any order, also overlapping. White space at both
// ends is ignored, and a list of nothing else is empty. Returns kInvalidArgument for anything else; the message quotes
// the part that is wrong.
absl::StatusOr<PortSet> ParsePortList(absl::string_view text);

// Returns the list in the kernel's form: ascending, with neighbours in one range, without white space.
std::string FormatPortList(const PortSet& ports);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_PORT_LIST_H_
