// SPDX-License-Identifier: Apache-2.0
// What the programs have to know of the host that they run on.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_HOST_CONFIG_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_HOST_CONFIG_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/config.h"

namespace shunt::datapath {

// In this thread's effective set; `capability` is a CAP_* of <linux/capability.h>.
bool HasCapability(int capability);

bool KernelHasMptcp();

// The helper that leads from an MPTCP subflow to its connection can be called where the kernel has MPTCP, and with
// CAP_PERFMON only. Without it an MPTCP socket's peer name is the pod's, and each of its connects leaves a row of
// socket_state taken.
bool CanFindMptcpConnections();

// The cookie of the calling thread's network namespace, as programs see it: unique since boot, never reused.
absl::StatusOr<uint64_t> NetnsCookie();

// Sets the fields that are the host's: its network namespace, what the kernel has. Leaves the others alone.
absl::Status ConfigureForHost(shunt_config* config);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_HOST_CONFIG_H_
