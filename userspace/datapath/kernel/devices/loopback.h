// SPDX-License-Identifier: Apache-2.0
// What the packet path needs of the loopback device: a packet that is too big for its way and may be cut is handed to
// the stack as if it had come by this device (bpf/packet/unsent.h). It then has a source of this node, which the stack
// drops as impossible from any device without `accept_local`.
#ifndef SHUNT_DATAPATH_KERNEL_DEVICES_LOOPBACK_H_
#define SHUNT_DATAPATH_KERNEL_DEVICES_LOOPBACK_H_

#include "absl/status/statusor.h"

namespace shunt::datapath {

// Sets net.ipv4.conf.lo.accept_local in the calling thread's network namespace. By rtnetlink, because /proc/sys may be
// read-only. Returns whether it was not set before. It means nothing to what the host itself sends by the device.
absl::StatusOr<bool> AcceptOwnSources();

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_DEVICES_LOOPBACK_H_
