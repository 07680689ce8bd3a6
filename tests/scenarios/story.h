// SPDX-License-Identifier: Apache-2.0
// A story: a text file that says, step by step, what happens to a cluster and what Shunt does about it.
//
//     A sentence, or a few, of what the story proves.
//
//     -- apply --
//     apiVersion: v1
//     kind: Service
//     ...
//     -- expect plan --
//     ...
//
// Steps: `apply` (Kubernetes YAML documents, which arrive together), `delete KIND NS/NAME` (a Node: `delete Node
// NAME`), `node-addresses ADDRESS...` (of this node's interfaces; `host:ADDRESS`: for the host's own sockets only),
// `restart` (another agent takes over the maps and receives all objects again), `expect plan` and `expect maps` (the
// lines below are what has to come out). The node is node-a.
#ifndef SHUNT_TESTS_SCENARIOS_STORY_H_
#define SHUNT_TESTS_SCENARIOS_STORY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace shunt::scenarios {

struct Step {
  enum class Verb { kApply, kDelete, kNodeAddresses, kRestart, kExpectPlan, kExpectMaps };

  Verb verb = Verb::kApply;
  std::vector<std::string> arguments;
  int line = 0;      // of the step's heading, from 1
  std::string body;  // whole lines

  bool IsExpectation() const { return verb == Verb::kExpectPlan || verb == Verb::kExpectMaps; }
};

struct Story {
  std::string head;  // everything before the first step
  std::vector<Step> steps;

  // Returns the file's text. ParseStory(ToString()) is the same story.
  std::string ToString() const;
};

// Returns kInvalidArgument, with the line, if the head has no sentence, if a step is unknown, or if nothing is expected
// after the last change.
absl::StatusOr<Story> ParseStory(absl::string_view text);

absl::StatusOr<Story> ReadStory(const std::string& path);
absl::Status WriteStory(const std::string& path, const Story& story);

// Returns the *.story files directly in `directory`, in name order.
std::vector<std::string> FindStories(const std::string& directory);

}  // namespace shunt::scenarios

#endif  // SHUNT_TESTS_SCENARIOS_STORY_H_
