// SPDX-License-Identifier: Apache-2.0
#include "tests/scenarios/story.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace shunt::scenarios {
namespace {

struct VerbForm {
  const char* words;
  Step::Verb verb;
  size_t arguments_min;
  size_t arguments_max;
  bool has_body;
};

constexpr size_t kAnyNumber = ~size_t{0};
constexpr VerbForm kVerbs[] = {
    {"apply", Step::Verb::kApply, 0, 0, true},
    {"delete", Step::Verb::kDelete, 2, 2, false},
    {"node-addresses", Step::Verb::kNodeAddresses, 0, kAnyNumber, false},
    {"restart", Step::Verb::kRestart, 0, 0, false},
    {"expect plan", Step::Verb::kExpectPlan, 0, 0, true},
    {"expect maps", Step::Verb::kExpectMaps, 0, 0, true},
};

const VerbForm& FormOf(Step::Verb verb) {
  return *std::find_if(std::begin(kVerbs), std::end(kVerbs), [&](const VerbForm& form) { return form.verb == verb; });
}

absl::Status Wrong(int line, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", what));
}

// Returns the text between the dashes, or nullopt if the line is not a heading. (YAML separates documents by three
// dashes.)
std::optional<absl::string_view> Heading(absl::string_view line) {
  if (!absl::ConsumePrefix(&line, "-- ") || !absl::ConsumeSuffix(&line, " --")) return std::nullopt;
  return line;
}

absl::StatusOr<Step> ParseHeading(absl::string_view heading, int line) {
  for (const VerbForm& form : kVerbs) {
    absl::string_view rest = heading;
    if (!absl::ConsumePrefix(&rest, form.words) || (!rest.empty() && rest[0] != ' ')) continue;
    Step step;
    step.verb = form.verb;
    step.line = line;
    step.arguments = absl::StrSplit(rest, ' ', absl::SkipEmpty());
    if (step.arguments.size() < form.arguments_min || step.arguments.size() > form.arguments_max) {
      return Wrong(line, absl::StrCat(form.words, ": ", step.arguments.size(), " arguments"));
    }
    return step;
  }
  return Wrong(line, absl::StrCat("no such step: ", heading));
}

absl::Status CheckWhole(const Story& story) {
  if (absl::StripAsciiWhitespace(story.head).empty()) return Wrong(1, "a story begins with what it proves");
  if (story.steps.empty() || !story.steps.back().IsExpectation()) {
    return absl::InvalidArgumentError("nothing is expected after the last step");
  }
  for (const Step& step : story.steps) {
    const bool is_blank = absl::StripAsciiWhitespace(step.body).empty();
    const VerbForm& form = FormOf(step.verb);
    if (!form.has_body && !is_blank) return Wrong(step.line, absl::StrCat(form.words, " takes no text below it"));
    if (step.verb == Step::Verb::kApply && is_blank) return Wrong(step.line, "nothing to apply");
  }
  return absl::OkStatus();
}

}  // namespace

std::string Story::ToString() const {
  std::string text = head;
  for (const Step& step : steps) {
    absl::StrAppend(&text, "-- ", FormOf(step.verb).words, step.arguments.empty() ? "" : " ",
                    absl::StrJoin(step.arguments, " "), " --\n", step.body);
  }
  return text;
}

absl::StatusOr<Story> ParseStory(absl::string_view text) {
  Story story;
  absl::ConsumeSuffix(&text, "\n");
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (const auto heading = Heading(line)) {
      absl::StatusOr<Step> step = ParseHeading(*heading, number);
      if (!step.ok()) return step.status();
      story.steps.push_back(*std::move(step));
    } else if (line.size() > 3 && absl::StartsWith(line, "-- ")) {
      return Wrong(number, "a step's heading ends in ' --'");
    } else {
      absl::StrAppend(story.steps.empty() ? &story.head : &story.steps.back().body, line, "\n");
    }
  }
  if (absl::Status status = CheckWhole(story); !status.ok()) return status;
  return story;
}

absl::StatusOr<Story> ReadStory(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return absl::NotFoundError(absl::StrCat("read ", path, ": cannot be read"));
  absl::StatusOr<Story> story = ParseStory(text.str());
  if (!story.ok()) return absl::InvalidArgumentError(absl::StrCat("read ", path, ": ", story.status().message()));
  return story;
}

absl::Status WriteStory(const std::string& path, const Story& story) {
  std::ofstream file(path, std::ios::trunc);
  file << story.ToString();
  file.close();
  if (!file) return absl::InternalError(absl::StrCat("write ", path, ": cannot be written"));
  return absl::OkStatus();
}

std::vector<std::string> FindStories(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".story") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace shunt::scenarios
