// SPDX-License-Identifier: Apache-2.0
// Addresses of a namespace's loopback device, by rtnetlink. Other devices are in devices.h.
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

}  // namespace shunt::sandbox

#endif  // SHUNT_SANDBOX_NETLINK_H_
