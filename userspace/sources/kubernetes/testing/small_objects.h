// SPDX-License-Identifier: Apache-2.0
// Objects for tests to which only their identity matters.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_SMALL_OBJECTS_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_SMALL_OBJECTS_H_

#include <vector>

#include "userspace/sources/kubernetes/follow/replica.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

// An object of `kind` with this name, uid and version, and nothing else.
inline Object SmallObject(ObjectKind kind, const KnownObject& known) {
  switch (kind) {
    case ObjectKind::kService:
      return model::Service{.name = known.name, .uid = known.uid, .resource_version = known.version};
    case ObjectKind::kEndpointSlice:
      return model::EndpointSlice{.name = known.name, .uid = known.uid, .resource_version = known.version};
    case ObjectKind::kNode:
      break;
  }
  return model::Node{.name = known.name.name, .resource_version = known.version};
}

inline std::vector<Object> SmallObjects(ObjectKind kind, const std::vector<KnownObject>& known) {
  std::vector<Object> objects;
  for (const KnownObject& object : known) objects.push_back(SmallObject(kind, object));
  return objects;
}

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_SMALL_OBJECTS_H_
