// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/bind_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::admin::http {
namespace {

using ::testing::HasSubstr;

TEST(BindAddressTest, AnAddressAndAPortOfEitherFamily) {
  for (const char* text : {"0.0.0.0:10256", "127.0.0.1:0", "[::]:10249", "[fd00::1]:65535"}) {
    const auto parsed = ParseBindAddress(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ((*parsed)->address.ToStringWithPort((*parsed)->port), text);
  }
}

TEST(BindAddressTest, NothingMeansNowhere) {
  const auto parsed = ParseBindAddress("");
  ASSERT_TRUE(parsed.ok());
  EXPECT_FALSE(parsed->has_value());
}

TEST(BindAddressTest, WhatIsNoAddressIsRefusedWithWhatIsExpected) {
  for (const char* text : {"10256", ":10256", "localhost:10256", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "::1:80",
                           "fd00::1", "[fd00::1]", "[10.0.0.1]:80", "10.0.0.1:+1", "10.0.0.1:8x", "[]:80"}) {
    const auto parsed = ParseBindAddress(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("expected ADDRESS:PORT")) << text;
  }
}

}  // namespace
}  // namespace shunt::admin::http
