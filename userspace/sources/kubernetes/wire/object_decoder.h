// SPDX-License-Identifier: Apache-2.0
// One object of the API, whatever its kind, as a value of the model. What the API server would not have stored is
// refused if the object cannot be kept without it (a name) and left out if it can (a port).
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_OBJECT_DECODER_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_OBJECT_DECODER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

// Decodes an object of `kind`, of which `message` is the complete message. Errors are those of DecodeService,
// DecodeEndpointSlice and DecodeNode; they name the object if its name could be read.
absl::StatusOr<Object> DecodeObject(ObjectKind kind, absl::string_view message);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_OBJECT_DECODER_H_
