// SPDX-License-Identifier: Apache-2.0
// Collects what is wrong with a Service's objects, as sentences for people.
#ifndef SHUNT_PLANNER_WARNINGS_H_
#define SHUNT_PLANNER_WARNINGS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace shunt::planner {

class Warnings {
 public:
  // An object's author decides how many faults it has; the plan keeps this many and counts the rest.
  static constexpr size_t kMax = 20;

  // Adds a sentence, unless it was added before.
  void Add(std::string sentence);
  // Returns the sentences in the order of Add, and a last one about those beyond kMax.
  std::vector<std::string> Take() &&;

 private:
  std::vector<std::string> sentences_;
  size_t left_out_ = 0;
};

// Returns the text in quotation marks, safe for a log or a terminal: cut to 64 bytes, with control characters escaped.
std::string Quoted(absl::string_view text);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_WARNINGS_H_
