// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/follow/shrink_guard.h"

#include <gtest/gtest.h>

#include <string>

namespace shunt::sources::kubernetes {
namespace {

using std::chrono::seconds;

const SteadyTime kNow{std::chrono::hours(1)};

struct Row {
  std::string sentence;
  size_t remembered;
  size_t known;
  size_t kept;
  size_t listed;
  bool accepted;
};

TEST(ShrinkGuardTest, DoubtsListsThatWouldRemoveMost) {
  const Row rows[] = {
      {"nothing known, nothing listed", 0, 0, 0, 0, true},
      {"the first list of a new agent", 0, 0, 0, 100, true},
      {"one object and an empty list", 0, 1, 0, 0, false},
      {"one remembered object and an empty list", 1, 0, 0, 0, false},
      {"few objects, all replaced by another", 0, 10, 0, 1, true},
      {"few objects, most of them gone", 0, 10, 1, 1, true},
      {"eleven objects, five left", 0, 11, 5, 5, false},
      {"eleven objects, six left", 0, 11, 6, 6, true},
      {"as many objects as before, with other names", 0, 100, 0, 100, false},
      {"a hundred remembered, fifty listed", 100, 0, 0, 50, true},
      {"a hundred remembered, forty-nine listed", 100, 0, 0, 49, false},
      {"a snapshot agrees, the count does not", 100, 20, 20, 20, false},
  };
  for (const Row& row : rows) {
    ShrinkGuard guard(row.remembered);
    EXPECT_EQ(guard.Accept({.known = row.known, .kept = row.kept, .listed = row.listed, .begun = kNow}), row.accepted)
        << row.sentence;
    EXPECT_EQ(guard.confirm_at().has_value(), !row.accepted) << row.sentence;
  }
}

TEST(ShrinkGuardTest, BelievesTheNewestStateHalfAMinuteLater) {
  const ShrinkGuard::List empty{.known = 20, .kept = 0, .listed = 0, .consistent = true, .begun = kNow};
  ShrinkGuard guard(0);
  EXPECT_FALSE(guard.Accept(empty)) << "one answer is not enough, however consistent";
  EXPECT_EQ(guard.missing(), 20);
  ShrinkGuard::List again = empty;
  again.begun = kNow + ShrinkGuard::kConfirmAfter - seconds(1);
  EXPECT_FALSE(guard.Accept(again)) << "too soon";
  again.begun = kNow + ShrinkGuard::kConfirmAfter;
  again.consistent = false;
  EXPECT_FALSE(guard.Accept(again)) << "a cache may say the same wrong thing twice";
  EXPECT_EQ(guard.confirm_at(), kNow + ShrinkGuard::kConfirmAfter);
  again.consistent = true;
  EXPECT_TRUE(guard.Accept(again));
  EXPECT_EQ(guard.confirm_at(), std::nullopt);
}

TEST(ShrinkGuardTest, AFullListEndsTheDoubt) {
  ShrinkGuard guard(20);
  EXPECT_FALSE(guard.Accept({.listed = 0, .begun = kNow}));
  EXPECT_TRUE(guard.Accept({.listed = 20, .begun = kNow + seconds(1)}));
  EXPECT_EQ(guard.missing(), 0);
  EXPECT_TRUE(guard.Accept({.known = 1, .kept = 1, .listed = 1, .begun = kNow + seconds(2)}))
      << "what was remembered has served";
}

}  // namespace
}  // namespace shunt::sources::kubernetes
