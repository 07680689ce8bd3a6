// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/settings/node_port_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(NodePortAddressesTest, NothingMeansEverywhere) {
  const auto addresses = ParseNodePortAddresses({});
  ASSERT_TRUE(addresses.ok());
  EXPECT_TRUE(addresses->IsEverywhere());
}

TEST(NodePortAddressesTest, PrefixesOfBothFamilies) {
  const auto addresses = ParseNodePortAddresses({"10.0.0.0/8", "fd00::/64"});
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  EXPECT_FALSE(addresses->IsEverywhere());
  EXPECT_FALSE(addresses->primary);
  EXPECT_THAT(addresses->prefixes,
              ElementsAre(*model::IpPrefix::Parse("10.0.0.0/8"), *model::IpPrefix::Parse("fd00::/64")));
}

TEST(NodePortAddressesTest, PrimaryStandsAlone) {
  const auto addresses = ParseNodePortAddresses({"primary"});
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  EXPECT_TRUE(addresses->primary);
  EXPECT_FALSE(addresses->IsEverywhere());
  EXPECT_THAT(std::string(ParseNodePortAddresses({"primary", "10.0.0.0/8"}).status().message()),
              HasSubstr("primary and prefixes are both given"));
}

TEST(NodePortAddressesTest, WhatIsNeitherIsNamed) {
  for (const char* word : {"10.0.0.1", "10.0.0.0/33", "Primary", "eth0", ""}) {
    const absl::Status status = ParseNodePortAddresses({word}).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << word;
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string("found \"") + word + "\""));
  }
}

}  // namespace
}  // namespace shunt::agent
