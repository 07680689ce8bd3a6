// SPDX-License-Identifier: Apache-2.0
// Sets up a network namespace by rtnetlink. It does not use iproute2, because the sandbox must work in an initramfs
// that holds only the test.
#ifndef SHUNT_SANDBOX_NETLINK_H_
#define SHUNT_SANDBOX_NETLINK_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "userspace/model/ip_address.h"

namespace shunt::sandbox {

// All of these act on the network namespace of the calling thread. Errors name the object and the errno.

absl::Status SetLoopbackUp();

// Adds a host address (/32 or /128) to the loopback device, without duplicate address detection.
absl::Status AddLoopbackAddress(const model::IpAddress& address);
absl::Status RemoveLoopbackAddress(const model::IpAddress& address);

// Makes every address of `prefix` ("10.244.0.0/16", "fd00:244::/64") local: a wildcard listener then answers at all of
// them, and a connection to one of them also has it as its source.
absl::Status AddLocalPrefix(absl::string_view prefix);

// Creates a pair of virtual Ethernet devices with this name: one here, one in the namespace of `peer_fd`. Both are
// down.
absl::Status AddVethPair(absl::string_view name, int peer_fd);

// Sets the device up.
absl::Status SetDeviceUp(absl::string_view name);

// Adds an IPv4 address with a prefix of 24 bits to the device.
absl::Status AddDeviceAddress(absl::string_view name, const model::IpAddress& address);

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_NETLINK_H_
