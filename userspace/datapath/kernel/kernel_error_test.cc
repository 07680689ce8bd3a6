// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/kernel_error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace shunt::datapath {
namespace {

TEST(KernelError, SaysWhatAndWhy) {
  struct Row {
    int error;
    absl::StatusCode code;
  };
  const Row rows[] = {{E2BIG, absl::StatusCode::kResourceExhausted}, {-ENOENT, absl::StatusCode::kNotFound},
                      {ENOMEM, absl::StatusCode::kUnavailable},      {EBUSY, absl::StatusCode::kUnavailable},
                      {-EPERM, absl::StatusCode::kPermissionDenied}, {EOPNOTSUPP, absl::StatusCode::kUnimplemented},
                      {EINVAL, absl::StatusCode::kInternal}};
  for (const Row& row : rows) EXPECT_EQ(KernelError(row.error, "x").code(), row.code) << row.error;
  EXPECT_EQ(KernelError(-E2BIG, "map pools: put").message(), "map pools: put: Argument list too long (errno 7)");
}

}  // namespace
}  // namespace shunt::datapath
