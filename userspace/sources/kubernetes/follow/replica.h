// SPDX-License-Identifier: Apache-2.0
// Records which objects of one resource have been delivered, and in which state, to tell what a new list changes. The
// consumer holds the objects themselves.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_REPLICA_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_REPLICA_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "userspace/model/names.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

// An object in one of its states. Objects with different uids are different, even with the same name and version.
struct KnownObject {
  model::ObjectName name;  // a Node has an empty namespace
  std::string uid;         // empty where the model has none
  std::string version;     // metadata.resourceVersion
};

// Returns the name, uid and version of a decoded object.
KnownObject Identify(const Object& object);

class Replica {
 public:
  // Records the object's state. Returns whether `object` is new or in another state than before.
  bool Put(const KnownObject& object);
  // Forgets the object. Returns whether it was known.
  bool Erase(const model::ObjectName& name);
  size_t size() const { return states_.size(); }

  // A list is compared by BeginList, IsNews or NoteListed for each of its objects, Put for those that are news, then
  // Missing. A list that is never completed changes nothing.
  void BeginList() { ++list_; }
  // Returns whether the list shows `object` in another state than the known one. The object now counts as listed.
  bool IsNews(const KnownObject& object);
  // Returns whether the object of this name and uid may be the known one. It is not if both uids are known and differ.
  bool MayHold(const model::ObjectName& name, absl::string_view uid) const;
  // Notes that the list has the known object of that name, in whatever state.
  void NoteListed(const model::ObjectName& name);
  // Returns the known objects that the list does not have, in no particular order.
  std::vector<model::ObjectName> Missing() const;

 private:
  struct State {
    std::string identity;  // uid and version
    uint64_t list = 0;     // the last list that had it
  };

  absl::flat_hash_map<model::ObjectName, State> states_;
  uint64_t list_ = 0;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_FOLLOW_REPLICA_H_
