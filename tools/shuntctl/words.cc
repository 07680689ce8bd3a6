// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/words.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace shunt::shuntctl {
namespace {

// Returns the least number of insertions, deletions and replacements between the two.
size_t EditDistance(absl::string_view from, absl::string_view to) {
  std::vector<size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= from.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= to.size(); ++j) {
      const size_t replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[to.size()];
}

}  // namespace

std::string Nearest(absl::string_view word, const std::vector<std::string>& candidates) {
  constexpr size_t kLongestWord = 64;  // longer words are not misspelt commands
  constexpr size_t kNear = 2;
  if (word.size() > kLongestWord) return "";
  std::string nearest;
  size_t least = kNear + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    if (distance == least) nearest.clear();
    if (distance < least && distance < candidate.size()) {
      least = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

absl::StatusOr<size_t> MatchWord(absl::string_view what, absl::string_view word, const std::vector<Word>& candidates) {
  std::vector<size_t> found;
  std::vector<std::string> found_names;
  std::vector<std::string> names;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const auto& [name, aliases] = candidates[i];
    if (name == word || std::find(aliases.begin(), aliases.end(), word) != aliases.end()) return i;
    names.push_back(name);
    const auto begins = [word](const std::string& whole) { return !word.empty() && absl::StartsWith(whole, word); };
    if (!begins(name) && std::none_of(aliases.begin(), aliases.end(), begins)) continue;
    found.push_back(i);
    found_names.push_back(name);
  }
  if (found.size() == 1) return found[0];
  if (found.size() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " '", word, "' is ambiguous: ", absl::StrJoin(found_names, ", ")));
  }
  std::string message = absl::StrCat("unknown ", what, " '", word, "'");
  if (const std::string near = Nearest(word, names); !near.empty()) {
    absl::StrAppend(&message, ": did you mean '", near, "'?");
  } else {
    absl::StrAppend(&message, ": there are ", absl::StrJoin(names, ", "));
  }
  return absl::InvalidArgumentError(message);
}

}  // namespace shunt::shuntctl
