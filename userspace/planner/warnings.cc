// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/warnings.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace shunt::planner {

void Warnings::Add(std::string sentence) {
  if (std::find(sentences_.begin(), sentences_.end(), sentence) != sentences_.end()) return;
  if (sentences_.size() == kMax) {
    ++left_out_;
    return;
  }
  sentences_.push_back(std::move(sentence));
}

std::vector<std::string> Warnings::Take() && {
  if (left_out_ > 0) sentences_.push_back(absl::StrCat("and ", left_out_, " more"));
  return std::move(sentences_);
}

std::string Quoted(absl::string_view text) {
  constexpr size_t kBytesMax = 64;
  const bool cut = text.size() > kBytesMax;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kBytesMax)), cut ? "...\"" : "\"");
}

}  // namespace shunt::planner
