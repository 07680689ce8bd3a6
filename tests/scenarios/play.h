// SPDX-License-Identifier: Apache-2.0
// Plays a story and compares what comes out with what the story expects.
#ifndef SHUNT_TESTS_SCENARIOS_PLAY_H_
#define SHUNT_TESTS_SCENARIOS_PLAY_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/scenarios/stage.h"

namespace shunt::scenarios {

// Returns whether the environment has SHUNT_UPDATE_GOLDENS=1.
bool UpdatesGoldens();

enum class Goldens {
  kCompare,
  kRewrite,  // write what came out into the story's file, for a person to review
};

// Reports failures to GoogleTest, at the line of the step.
void PlayStory(const std::string& path, Floor& floor, Goldens goldens);

// All stories, for INSTANTIATE_TEST_SUITE_P, and their names as tests.
std::vector<std::string> AllStories();
std::string TestName(const testing::TestParamInfo<std::string>& path);

}  // namespace shunt::scenarios

#endif  // SHUNT_TESTS_SCENARIOS_PLAY_H_
