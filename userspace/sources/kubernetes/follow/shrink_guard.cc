// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/follow/shrink_guard.h"

#include <algorithm>

namespace shunt::sources::kubernetes {

bool ShrinkGuard::Accept(const List& list) {
  const bool confirmed = list.consistent && doubtful_since_ && list.begun >= *doubtful_since_ + kConfirmAfter;
  if (IsDoubtful(list) && !confirmed) {
    if (!doubtful_since_) doubtful_since_ = list.begun;
    missing_ = std::max(list.known - list.kept, remembered_ - std::min(remembered_, list.listed));
    return false;
  }
  doubtful_since_.reset();
  missing_ = 0;
  remembered_ = 0;  // from now on the objects themselves are known
  return true;
}

std::optional<SteadyTime> ShrinkGuard::confirm_at() const {
  if (!doubtful_since_) return std::nullopt;
  return *doubtful_since_ + kConfirmAfter;
}

bool ShrinkGuard::IsDoubtful(const List& list) const {
  const auto shrinks = [](size_t before, size_t after) {
    return before > 0 && (after == 0 || (before > kFewObjects && 2 * after < before));
  };
  // If names are known, they count: the same number of objects with other names is another cluster.
  return shrinks(remembered_, list.listed) || (list.known > 0 && list.listed == 0) ||
         (list.known > kFewObjects && shrinks(list.known, list.kept));
}

}  // namespace shunt::sources::kubernetes
