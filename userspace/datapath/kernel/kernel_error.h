// SPDX-License-Identifier: Apache-2.0
// What the kernel answers, as a status: operation and object from the caller, cause from errno.
#ifndef SHUNT_DATAPATH_KERNEL_KERNEL_ERROR_H_
#define SHUNT_DATAPATH_KERNEL_KERNEL_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace shunt::datapath {

// The message is "`what`: text of `error` (errno N)". `error` is an errno, of either sign: libbpf returns
// them negative. Full maps are kResourceExhausted; what may pass by itself is kUnavailable.
absl::Status KernelError(int error, absl::string_view what);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_KERNEL_ERROR_H_
