// SPDX-License-Identifier: Apache-2.0
#include "userspace/model/frontend_holder.h"

#include <gtest/gtest.h>

#include <thread>

namespace shunt::model {
namespace {

TEST(FrontendHolderTest, CopiesNameTheNewHolder) {
  FrontendHolder holder("shop", "cart");
  const FrontendHolder copy = holder;
  holder.Rename({"shop", "search"});
  EXPECT_EQ(copy.Name(), (ObjectName{"shop", "search"}));
  EXPECT_EQ(copy, holder);
  EXPECT_FALSE(copy.empty());
}

TEST(FrontendHolderTest, EqualNamesAreEqualAndNobodyIsNoService) {
  EXPECT_EQ(FrontendHolder("shop", "cart"), FrontendHolder("shop", "cart"));
  EXPECT_NE(FrontendHolder("shop", "cart"), FrontendHolder("shop", "search"));
  EXPECT_EQ(FrontendHolder(), FrontendHolder());
  EXPECT_NE(FrontendHolder(), FrontendHolder("shop", "cart"));
  EXPECT_TRUE(FrontendHolder().empty());
  EXPECT_EQ(FrontendHolder().Name(), ObjectName());
}

TEST(FrontendHolderTest, ReadersMayReadWhileItIsRenamed) {
  FrontendHolder holder("shop", "a");
  const std::jthread reader([copy = holder] {
    for (int i = 0; i < 10'000; ++i) EXPECT_EQ(copy.Name().namespace_name, "shop");
  });
  for (int i = 0; i < 10'000; ++i) holder.Rename({"shop", i % 2 == 0 ? "b" : "a name too long for small strings"});
}

}  // namespace
}  // namespace shunt::model
