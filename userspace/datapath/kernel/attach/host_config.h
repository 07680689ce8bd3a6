// SPDX-License-Identifier: Apache-2.0
// What the programs have to know about the host that they run on.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_HOST_CONFIG_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_HOST_CONFIG_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/config.h"

namespace shunt::datapath {

// Returns whether this thread's effective set has `capability`, a CAP_* of <linux/capability.h>.
bool HasCapability(int capability);

// Returns the capabilities that this thread lacks to load the programs and to attach them, separated by commas and
// blanks; "" if it has them all. CAP_SYS_ADMIN stands in for each.
std::string MissingCapabilities();

// Returns the error of a step that needs the capabilities above; if some are missing, it says so first.
absl::Status WithMissingCapabilities(const absl::Status& error);

bool KernelHasMptcp();

// Returns whether programs can call the helper that leads from an MPTCP subflow to its connection: the kernel must have
// MPTCP and the process CAP_PERFMON. Without the helper an MPTCP socket's peer name is the pod's, and each of its
// connects leaves a row of socket_state taken.
bool CanFindMptcpConnections();

// Returns whether programs can read the kernel's own struct sock: it takes CAP_PERFMON, and no lockdown of the kernel
// in its confidentiality mode. If they cannot, a connect to a pod costs more, and each connect of the kernel itself
// (NFS, SMB) to a Service leaves a row of socket_state taken.
bool CanReadKernelSockets();

// Returns the cookie of the calling thread's network namespace, as programs see it: unique since boot, never reused.
absl::StatusOr<uint64_t> NetnsCookie();

// Sets the fields that depend on the host (its network namespace, the kernel's features) and no others.
absl::Status ConfigureForHost(shunt_config* config);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_HOST_CONFIG_H_
