// SPDX-License-Identifier: Apache-2.0
// The reader of stories: a story that cannot be read must fail.
#include "tests/scenarios/story.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::scenarios {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kStory[] =
    "A Service goes.\n"
    "\n"
    "-- apply --\n"
    "kind: Service\n"
    "---\n"
    "kind: Node\n"
    "-- delete Service shop/web --\n"
    "-- node-addresses 192.0.2.1 host:127.0.0.1 --\n"
    "-- expect plan --\n"
    "nothing\n";

TEST(StoryTest, ReadsStepsWithTheirLines) {
  const auto story = ParseStory(kStory);
  ASSERT_TRUE(story.ok()) << story.status();
  EXPECT_EQ(story->head, "A Service goes.\n\n");
  ASSERT_EQ(story->steps.size(), 4u);
  EXPECT_EQ(story->steps[0].line, 3);
  EXPECT_EQ(story->steps[0].body, "kind: Service\n---\nkind: Node\n");
  EXPECT_THAT(story->steps[1].arguments, ElementsAre("Service", "shop/web"));
  EXPECT_THAT(story->steps[2].arguments, ElementsAre("192.0.2.1", "host:127.0.0.1"));
  EXPECT_EQ(story->steps[3].verb, Step::Verb::kExpectPlan);
  EXPECT_EQ(story->steps[3].body, "nothing\n");
}

TEST(StoryTest, WritesWhatItRead) {
  const auto story = ParseStory(kStory);
  ASSERT_TRUE(story.ok()) << story.status();
  EXPECT_EQ(story->ToString(), kStory);
}

TEST(StoryTest, RefusesWhatWouldProveNothing) {
  struct Row {
    const char* why;
    const char* text;
    const char* error;
  };
  constexpr Row kRows[] = {
      {"nothing says what it proves", "-- expect plan --\nnothing\n", "line 1: a story begins with what it proves"},
      {"it has no steps", "A tale.\n", "nothing is expected"},
      {"its last change is looked at by nobody", "A tale.\n-- expect plan --\n-- restart --\n", "nothing is expected"},
      {"a step is misspelt", "A tale.\n-- expect plans --\n", "line 2: no such step: expect plans"},
      {"a heading is cut short", "A tale.\n-- expect plan\n", "line 2: a step's heading ends in ' --'"},
      {"an argument is missing", "A tale.\n-- delete Service --\n-- expect plan --\n", "line 2: delete: 1 arguments"},
      {"nothing is applied", "A tale.\n-- apply --\n\n-- expect plan --\n", "line 2: nothing to apply"},
      {"text stands where none is read", "A tale.\n-- restart --\nat once\n-- expect plan --\n",
       "line 2: restart takes no text"},
  };
  for (const Row& row : kRows) {
    const auto story = ParseStory(row.text);
    EXPECT_FALSE(story.ok()) << row.why;
    EXPECT_THAT(std::string(story.status().message()), HasSubstr(row.error)) << row.why;
  }
}

}  // namespace
}  // namespace shunt::scenarios
