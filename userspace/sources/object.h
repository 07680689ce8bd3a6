// SPDX-License-Identifier: Apache-2.0
// One of the cluster's objects, of whatever kind.
#ifndef SHUNT_SOURCES_OBJECT_H_
#define SHUNT_SOURCES_OBJECT_H_

#include <variant>

#include "absl/strings/string_view.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/names.h"
#include "userspace/model/node.h"
#include "userspace/model/service.h"
#include "userspace/sources/source.h"

namespace shunt::sources {

using Object = std::variant<model::Service, model::EndpointSlice, model::Node>;

// "Service", "EndpointSlice", "Node".
absl::string_view KindName(ObjectKind kind);
ObjectKind KindOf(const Object& object);
// A Node's namespace is empty.
model::ObjectName NameOf(const Object& object);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_OBJECT_H_
