// SPDX-License-Identifier: Apache-2.0
// An errno as a status: the caller names operation and object, errno the cause.
#ifndef SHUNT_DATAPATH_KERNEL_KERNEL_ERROR_H_
#define SHUNT_DATAPATH_KERNEL_KERNEL_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace shunt::datapath {

// Returns a status with the message "`what`: text of `error` (errno N)". `error` is an errno of either sign, because
// libbpf returns them negative. A full map is kResourceExhausted; an error that may pass by itself is kUnavailable;
// what this kernel cannot do is kUnimplemented.
absl::Status KernelError(int error, absl::string_view what);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_KERNEL_ERROR_H_
