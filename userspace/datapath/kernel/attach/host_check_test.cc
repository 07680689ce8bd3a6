// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/host_check.h"

#include <gtest/gtest.h>

namespace shunt::datapath {
namespace {

TEST(IsSupportedKernel, FromSixOneOn) {
  for (const char* yes : {"6.1.0-18-amd64", "6.1", "6.12.107+deb12-cloud-amd64", "6.18.44-fc-v595", "7.0-rc1"}) {
    EXPECT_TRUE(IsSupportedKernel(yes)) << yes;
  }
  for (const char* no : {"5.15.0-91-generic", "6.0.19", "4.19", "", "6", "linux"}) {
    EXPECT_FALSE(IsSupportedKernel(no)) << no;
  }
}

}  // namespace
}  // namespace shunt::datapath
