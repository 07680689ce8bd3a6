// SPDX-License-Identifier: Apache-2.0
// Words of the command line, which may be shortened as long as they are unique.
#ifndef SHUNT_TOOLS_SHUNTCTL_WORDS_H_
#define SHUNT_TOOLS_SHUNTCTL_WORDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace shunt::shuntctl {

struct Word {
  std::string name;
  std::vector<std::string> aliases = {};  // mean the same, and are not shown among the words that are possible
};

// Returns the index of the candidate that equals `word` or is the only one that begins with it, by its name or an
// alias. kInvalidArgument lists the words that are possible; `what` names the kind of word.
absl::StatusOr<size_t> MatchWord(absl::string_view what, absl::string_view word, const std::vector<Word>& candidates);

// Returns the candidate that was probably meant by `word`: at most two letters apart, and nearer than any other. Empty
// if there is none.
std::string Nearest(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_WORDS_H_
