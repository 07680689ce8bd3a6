// SPDX-License-Identifier: Apache-2.0
// The objects of one resource that are left out now, because they cannot be decoded or no API server would store them.
// What was served of such an object while it was good stays in force.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_LEFT_OUT_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_LEFT_OUT_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "userspace/model/names.h"
#include "userspace/sources/kubernetes/wire/object_decoder.h"

namespace shunt::sources::kubernetes {

// Bounded in memory, whatever a server sends.
class LeftOut {
 public:
  static constexpr size_t kHeldMax = 1000;  // by name; the others are only counted
  static constexpr size_t kToldMax = 5;     // described one by one

  void Add(const UnusableObject& object);
  // Notes that the object of this name is good or gone.
  void Erase(const model::ObjectName& name) { held_.erase(name); }

  // Returns how many there are. Objects without a legible name, and those beyond kHeldMax, count until the next list.
  size_t count() const { return held_.size() + nameless_ + more_; }
  // Returns whether one of them has no legible name, so that any known object may be the one that is meant.
  bool has_nameless() const { return nameless_ > 0; }
  struct Description {
    model::ObjectName name;  // empty if it is not about one object with a legible name
    std::string what;
  };
  // Describes the first ones, and says how many more there are.
  std::vector<Description> Descriptions() const;

 private:
  std::map<model::ObjectName, std::string> held_;  // name: what is wrong
  size_t nameless_ = 0;
  std::string nameless_why_;  // of the last one
  size_t more_ = 0;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_FOLLOW_LEFT_OUT_H_
