// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/kernel_error.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace shunt::datapath {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case E2BIG:  // a hash map at its limit
    case ENOSPC:
    case EMFILE:
    case ENFILE:
      return absl::StatusCode::kResourceExhausted;
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EPERM:
    case EACCES:
      return absl::StatusCode::kPermissionDenied;
    case EAGAIN:
    case EBUSY:
    case EINTR:
    case ENOMEM:
      return absl::StatusCode::kUnavailable;
    case EOPNOTSUPP:
      return absl::StatusCode::kUnimplemented;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status KernelError(int error, absl::string_view what) {
  error = std::abs(error);
  char text[128];
  // The GNU strerror_r may answer with a string of its own.
  const char* cause = strerror_r(error, text, sizeof(text));
  return absl::Status(CodeOf(error), absl::StrCat(what, ": ", cause, " (errno ", error, ")"));
}

}  // namespace shunt::datapath
