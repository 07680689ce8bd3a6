// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/process/lasting_state.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"

namespace shunt::agent {
namespace {

size_t EndOfNumber(absl::string_view text, size_t at) {
  while (at < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

}  // namespace

bool SameButForNumbers(absl::string_view one, absl::string_view other) {
  size_t i = 0;
  size_t k = 0;
  while (i < one.size() && k < other.size()) {
    const size_t i_end = EndOfNumber(one, i);
    const size_t k_end = EndOfNumber(other, k);
    if ((i_end == i) != (k_end == k)) return false;
    if (i_end == i && one[i] != other[k]) return false;
    i = std::max(i + 1, i_end);
    k = std::max(k + 1, k_end);
  }
  return i == one.size() && k == other.size();
}

bool LastingState::IsWorthALine(absl::string_view state, Time now) {
  const bool lasts = !state.empty() && SameButForNumbers(state, state_);
  state_ = std::string(state);
  if (state.empty() || (lasts && now < next_)) return false;
  pause_ = lasts ? std::min(2 * pause_, kLongestPause) : kFirstPause;
  next_ = now + pause_;
  return true;
}

}  // namespace shunt::agent
