// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_DATAPATH_KERNEL_SOCKETS_NETNS_COOKIE_H_
#define SHUNT_DATAPATH_KERNEL_SOCKETS_NETNS_COOKIE_H_

#include <cstdint>

#include "absl/status/statusor.h"

namespace shunt::datapath {

// The cookie of the calling thread's network namespace, as programs see it: unique since boot, never reused.
absl::StatusOr<uint64_t> NetnsCookie();

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_SOCKETS_NETNS_COOKIE_H_
