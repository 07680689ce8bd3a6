// SPDX-License-Identifier: Apache-2.0
// Words of the command line, which may be shortened to what makes them unique.
#ifndef SHUNT_TOOLS_SHUNTCTL_WORDS_H_
#define SHUNT_TOOLS_SHUNTCTL_WORDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace shunt::shuntctl {

// The index of the candidate that is `word` or, alone among them, begins with it. kInvalidArgument lists what it
// could have been; `what` names the kind of word.
absl::StatusOr<size_t> MatchWord(absl::string_view what, absl::string_view word,
                                 const std::vector<std::string>& candidates);

// The candidate that `word` was probably meant to be: at most two letters apart, and nearer than any other; empty if
// there is none.
std::string Nearest(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_WORDS_H_
