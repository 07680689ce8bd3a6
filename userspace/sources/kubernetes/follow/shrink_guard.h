// SPDX-License-Identifier: Apache-2.0
// Doubts a list that would remove most of what is served: an RBAC mistake, a wrong cluster or a broken proxy look
// exactly like a cluster whose objects were all deleted, and accepting such a list breaks every new connection.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_SHRINK_GUARD_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_SHRINK_GUARD_H_

#include <chrono>
#include <cstddef>
#include <optional>

#include "userspace/sources/kubernetes/client/transport.h"

namespace shunt::sources::kubernetes {

// Only lists are doubted: the watch sees real deletions object by object.
class ShrinkGuard {
 public:
  // How long after the doubtful list a second one is asked for.
  static constexpr std::chrono::seconds kConfirmAfter{30};
  // With this many objects or fewer, only an empty list is doubted: losing half of a few objects is not unusual.
  static constexpr size_t kFewObjects = 10;

  // A complete list, compared with what is known.
  struct List {
    size_t known = 0;         // objects known before
    size_t kept = 0;          // of these, in the list too
    size_t listed = 0;        // objects in the list
    bool consistent = false;  // it is the newest state (resourceVersion ""), not a cache's
    SteadyTime begun;         // when it was asked for
  };

  // `remembered` is the number of objects before this process started; 0 if it is not known.
  explicit ShrinkGuard(size_t remembered) : remembered_(remembered) {}

  // Returns whether the objects that the list lacks may be removed. If not, the list is held back: ask for a consistent
  // one at confirm_at().
  bool Accept(const List& list);
  // Set while a list is held back.
  std::optional<SteadyTime> confirm_at() const;
  // Returns how many objects are missing from the list that is held back.
  size_t missing() const { return missing_; }

 private:
  bool IsDoubtful(const List& list) const;

  size_t remembered_;
  std::optional<SteadyTime> doubtful_since_;
  size_t missing_ = 0;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_FOLLOW_SHRINK_GUARD_H_
