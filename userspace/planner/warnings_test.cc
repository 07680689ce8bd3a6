// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/warnings.h"

#include <gtest/gtest.h>

namespace shunt::planner {
namespace {

TEST(WarningsTest, KeepTheirOrderAndStandThereOnce) {
  Warnings warnings;
  warnings.Add("b");
  warnings.Add("a");
  warnings.Add("b");
  EXPECT_EQ(std::move(warnings).Take(), (std::vector<std::string>{"b", "a"}));
}

TEST(WarningsTest, BeyondTheCapOnlyTheirNumberIsKept) {
  Warnings warnings;
  for (size_t i = 0; i < Warnings::kMax; ++i) warnings.Add(std::to_string(i));
  warnings.Add("one");
  warnings.Add("two");
  warnings.Add("0");
  const std::vector<std::string> sentences = std::move(warnings).Take();
  ASSERT_EQ(sentences.size(), Warnings::kMax + 1);
  EXPECT_EQ(sentences[Warnings::kMax - 1], std::to_string(Warnings::kMax - 1));
  EXPECT_EQ(sentences.back(), "and 2 more");
}

TEST(QuotedTest, IsFitForATerminal) {
  EXPECT_EQ(Quoted("web"), "\"web\"");
  EXPECT_EQ(Quoted("a\"b\n\x1b[2J"), "\"a\\\"b\\n\\x1b[2J\"");
  EXPECT_EQ(Quoted(std::string(64, 'x')), "\"" + std::string(64, 'x') + "\"");
  EXPECT_EQ(Quoted(std::string(65, 'x')), "\"" + std::string(64, 'x') + "...\"");
}

}  // namespace
}  // namespace shunt::planner
