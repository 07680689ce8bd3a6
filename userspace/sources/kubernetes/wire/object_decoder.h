// SPDX-License-Identifier: Apache-2.0
// One object of the API, whatever its kind, as a value of the model. What the API server would not have stored is
// refused if the object cannot be kept without it (a name) and left out if it can (a port). An object that is refused
// costs only itself: the list or the event that carries it is good, because its bytes say where it ends.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_OBJECT_DECODER_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_OBJECT_DECODER_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/model/names.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

// Decodes an object of `kind`, of which `message` is the complete message. Errors are those of DecodeService,
// DecodeEndpointSlice and DecodeNode; they name the object if its name could be read.
absl::StatusOr<Object> DecodeObject(ObjectKind kind, absl::string_view message);

// An object that DecodeObject refuses, as far as it can be read.
struct UnusableObject {
  model::ObjectName name;  // empty if it could not be read; not necessarily one that an API server would store
  std::string uid;         // likewise
  std::string version;     // metadata.resourceVersion, likewise
  std::string why;         // for people; names the object if it has a name

  friend bool operator==(const UnusableObject&, const UnusableObject&) = default;
};

// Describes the object for which DecodeObject returned `error`.
UnusableObject DescribeUnusable(ObjectKind kind, absl::string_view message, const absl::Status& error);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_OBJECT_DECODER_H_
