// SPDX-License-Identifier: Apache-2.0
// The addresses on and around the node of packet_node.h, each in both families.
#ifndef SHUNT_PACKETS_NODE_ADDRESSES_H_
#define SHUNT_PACKETS_NODE_ADDRESSES_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace shunt::packets {

struct Address {
  const char* v4;
  const char* v6;

  const char* Of(bool is_v4) const { return is_v4 ? v4 : v6; }
  std::string At(bool is_v4, uint16_t port) const {
    return is_v4 ? absl::StrCat(v4, ":", port) : absl::StrCat("[", v6, "]:", port);
  }
};

inline constexpr Address kClient = {"198.51.100.7", "2001:db8:1::7"};  // outside, behind the routers
inline constexpr Address kRouter = {"192.0.2.1", "2001:db8::1"};
inline constexpr Address kSecondRouter = {"198.18.0.1", "2001:db8:3::1"};  // behind eth1
inline constexpr Address kNodeA = {"192.0.2.10", "2001:db8::10"};
inline constexpr Address kNodeASecond = {"198.18.0.10", "2001:db8:3::10"};
inline constexpr Address kNodeB = {"192.0.2.11", "2001:db8::11"};
inline constexpr Address kOverlay = {"10.244.1.0", "fd00:244:1::"};  // node A's own on flannel.1
inline constexpr Address kOverlayB = {"10.244.2.0", "fd00:244:2::"};
inline constexpr Address kPod1 = {"10.244.1.2", "fd00:244:1::2"};
inline constexpr Address kPod2 = {"10.244.1.3", "fd00:244:1::3"};
inline constexpr Address kBridge = {"10.244.1.65", "fd00:244:1:0:b::1"};
inline constexpr Address kBridged1 = {"10.244.1.66", "fd00:244:1:0:b::2"};
inline constexpr Address kBridged2 = {"10.244.1.67", "fd00:244:1:0:b::3"};
inline constexpr Address kPodOfB = {"10.244.2.7", "fd00:244:2::7"};

}  // namespace shunt::packets

#endif  // SHUNT_PACKETS_NODE_ADDRESSES_H_
