// SPDX-License-Identifier: Apache-2.0
#include "tests/scenarios/play.h"

#include <cstdlib>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace shunt::scenarios {
namespace {

// Blank lines before the next heading belong to the file, not to the golden text.
std::string WithoutBlankEnd(absl::string_view body) {
  return absl::StrCat(absl::StripTrailingAsciiWhitespace(body), "\n");
}

absl::StatusOr<std::string> Outcome(const Step& step, Stage& stage) {
  if (step.verb == Step::Verb::kExpectPlan) return stage.PlanText();
  return stage.MapText(WithoutBlankEnd(step.body));
}

}  // namespace

bool UpdatesGoldens() {
  const char* value = std::getenv("SHUNT_UPDATE_GOLDENS");
  return value != nullptr && std::string(value) == "1";
}

void PlayStory(const std::string& path, Floor& floor, Goldens goldens) {
  absl::StatusOr<Story> story = ReadStory(path);
  ASSERT_TRUE(story.ok()) << story.status();
  absl::StatusOr<std::unique_ptr<Stage>> stage = Stage::Open(floor);
  ASSERT_TRUE(stage.ok()) << stage.status();
  for (Step& step : story->steps) {
    const testing::ScopedTrace trace(path.c_str(), step.line, "the step");
    if (!step.IsExpectation()) {
      const absl::Status done = (*stage)->Do(step);
      ASSERT_TRUE(done.ok()) << done;
      continue;
    }
    const absl::StatusOr<std::string> outcome = Outcome(step, **stage);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    if (goldens == Goldens::kRewrite) {
      step.body = absl::StrCat(*outcome, &step == &story->steps.back() ? "" : "\n");
    } else {
      EXPECT_EQ(*outcome, WithoutBlankEnd(step.body));
    }
  }
  if (goldens == Goldens::kRewrite) {
    const absl::Status written = WriteStory(path, *story);
    ASSERT_TRUE(written.ok()) << written;
  }
}

std::vector<std::string> AllStories() {
  return FindStories(SHUNT_STORIES);
}

std::string TestName(const testing::TestParamInfo<std::string>& path) {
  std::string name = std::filesystem::path(path.param).stem().string();
  for (char& c : name) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) c = '_';
  }
  return name;
}

}  // namespace shunt::scenarios
