// SPDX-License-Identifier: Apache-2.0
// One object of the cluster, of any kind that a source delivers.
#ifndef SHUNT_SOURCES_OBJECT_H_
#define SHUNT_SOURCES_OBJECT_H_

#include <variant>

#include "absl/strings/string_view.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/names.h"
#include "userspace/model/node.h"
#include "userspace/model/service.h"

namespace shunt::sources {

enum class ObjectKind { kService, kEndpointSlice, kNode };

using Object = std::variant<model::Service, model::EndpointSlice, model::Node>;

// Returns "Service", "EndpointSlice" or "Node".
absl::string_view KindName(ObjectKind kind);
ObjectKind KindOf(const Object& object);
// Returns the object's name; a Node's namespace is empty.
model::ObjectName NameOf(const Object& object);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_OBJECT_H_
