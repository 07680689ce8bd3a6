// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/object.h"

namespace shunt::sources {

absl::string_view KindName(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kService:
      return "Service";
    case ObjectKind::kEndpointSlice:
      return "EndpointSlice";
    case ObjectKind::kNode:
      return "Node";
  }
  return "";
}

ObjectKind KindOf(const Object& object) {
  if (std::holds_alternative<model::Service>(object)) return ObjectKind::kService;
  if (std::holds_alternative<model::EndpointSlice>(object)) return ObjectKind::kEndpointSlice;
  return ObjectKind::kNode;
}

model::ObjectName NameOf(const Object& object) {
  if (const auto* service = std::get_if<model::Service>(&object)) return service->name;
  if (const auto* slice = std::get_if<model::EndpointSlice>(&object)) return slice->name;
  return {"", std::get<model::Node>(object).name};
}

}  // namespace shunt::sources
