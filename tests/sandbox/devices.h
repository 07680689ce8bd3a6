// SPDX-License-Identifier: Apache-2.0
// Devices, addresses, routes and neighbours of a namespace, by rtnetlink and ioctl.
#ifndef SHUNT_SANDBOX_DEVICES_H_
#define SHUNT_SANDBOX_DEVICES_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/model/ip_address.h"

namespace shunt::sandbox {

using Mac = std::array<uint8_t, 6>;

// "10.244.1.1/24": an address with the length of its network. Host bits stay.
struct Prefix {
  model::IpAddress address;
  uint8_t length = 0;

  static std::optional<Prefix> Parse(absl::string_view text);
};

// All of these act on the network namespace of the calling thread, and create what is then down. Errors name the object
// and the errno.

// A pair of virtual Ethernet devices: `name` here, `peer` in the namespace of `peer_fd`.
absl::Status AddVethPair(absl::string_view name, absl::string_view peer, int peer_fd);
absl::Status AddBridge(absl::string_view name);
// A VXLAN device that learns nothing: AddForwardingEntry tells it of every other end.
absl::Status AddVxlan(absl::string_view name, uint32_t id, const model::IpAddress& local, uint16_t port);
absl::Status DeleteDevice(absl::string_view name);

absl::Status SetDeviceUp(absl::string_view name);
// Waits until a device with a carrier (a veth, a bridge with ports) sends. The kernel activates one whose other end
// came up after it a moment later, and drops until then what it is given, without an error. Returns kDeadlineExceeded
// after ten seconds.
absl::Status WaitUntilRunning(absl::string_view name);
absl::Status SetMtu(absl::string_view name, uint32_t mtu);
absl::Status SetMaster(absl::string_view name, absl::string_view bridge);
absl::StatusOr<Mac> MacOf(absl::string_view name);
absl::Status SetMac(absl::string_view name, const Mac& mac);
// Checksums, scatter-gather, segmentation (TSO, GSO) and GRO, all of them.
absl::Status SetOffloads(absl::string_view name, bool on);

// Adds "192.0.2.10/24" or "2001:db8::10/64" to the device, without duplicate address detection.
absl::Status AddDeviceAddress(absl::string_view name, absl::string_view prefix);

struct Route {
  std::string to;   // "10.244.2.0/24", "0.0.0.0/0", "::/0"
  std::string via;  // empty: the destination is on the device's link
  std::string device;
  bool onlink = false;  // the gateway is on the device's link whatever its addresses say
  uint32_t mtu = 0;     // of what goes this way, if it is less than the device's
};
absl::Status AddRoute(const Route& route);

// A neighbour that is never asked for.
absl::Status AddNeighbour(absl::string_view device, absl::string_view address, const Mac& mac);
// What a VXLAN device sends to `mac` goes to `remote`.
absl::Status AddForwardingEntry(absl::string_view device, const Mac& mac, const model::IpAddress& remote);

// Writes below /proc/sys/net: SetSysctl("ipv4/ip_forward", "1").
absl::Status SetSysctl(absl::string_view path, absl::string_view value);

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_DEVICES_H_
