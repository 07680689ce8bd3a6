// SPDX-License-Identifier: Apache-2.0
#include "userspace/model/shared_text.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace shunt::model {
namespace {

TEST(SharedText, IsEmptyByDefaultAndFromEmptyText) {
  EXPECT_TRUE(SharedText().empty());
  EXPECT_TRUE(SharedText("").empty());
  EXPECT_EQ(SharedText().view(), "");
  EXPECT_EQ(SharedText(), SharedText(""));
}

TEST(SharedText, KeepsEveryByteOfTheTextItWasMadeOf) {
  std::string text("node\0-1", 7);
  const SharedText kept(text);
  text.clear();
  EXPECT_EQ(kept.view(), absl::string_view("node\0-1", 7));
}

TEST(SharedText, CopiesShareTheBytesAndOutliveTheOriginal) {
  SharedText copy;
  {
    const SharedText original("web-7d9f8c6b5-x2x4z");
    copy = original;
    EXPECT_EQ(copy.view().data(), original.view().data());
  }
  EXPECT_EQ(copy, "web-7d9f8c6b5-x2x4z");
}

TEST(SharedText, MovesLeaveTheSourceEmpty) {
  SharedText source("zone-a");
  const SharedText target(std::move(source));
  EXPECT_TRUE(source.empty());  // NOLINT(bugprone-use-after-move): this is what is tested
  EXPECT_EQ(target, "zone-a");
}

TEST(SharedText, CopyToItselfKeepsTheText) {
  SharedText text("zone-a");
  const SharedText& same = text;
  text = same;
  EXPECT_EQ(text, "zone-a");
}

TEST(SharedText, ComparesByContentWhereverItStands) {
  EXPECT_EQ(SharedText("a"), SharedText(std::string("a")));
  EXPECT_NE(SharedText("a"), SharedText("b"));
  EXPECT_LT(SharedText("a"), SharedText("b"));
  EXPECT_LT(SharedText(), SharedText("a"));
}

// It means most under the thread sanitizer.
TEST(SharedText, CopiesAreMadeAndDroppedByManyThreads) {
  const SharedText original("shared");
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&original] {
      for (int j = 0; j < 10'000; ++j) {
        const SharedText copy = original;
        ASSERT_EQ(copy.view().size(), 6u);
      }
    });
  }
}

}  // namespace
}  // namespace shunt::model
