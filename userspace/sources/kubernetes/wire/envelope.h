// SPDX-License-Identifier: Apache-2.0
// The envelope around every object of application/vnd.kubernetes.protobuf: "k8s\0", then a runtime.Unknown with the
// object's type and the object.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_ENVELOPE_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_ENVELOPE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "userspace/sources/object.h"

namespace shunt::sources::kubernetes {

inline constexpr absl::string_view kEnvelopeMagic("k8s\0", 4);

// An apiVersion and a kind. Views live as long as the bytes that they were read from.
struct TypeName {
  absl::string_view api_version;
  absl::string_view kind;

  friend bool operator==(const TypeName&, const TypeName&) = default;
};

inline constexpr TypeName kStatusType{"v1", "Status"};
TypeName TypeOf(ObjectKind kind);
TypeName ListTypeOf(ObjectKind kind);

// Decodes a TypeMeta. Returns kInvalidArgument if it is malformed.
absl::StatusOr<TypeName> DecodeTypeName(absl::string_view message);
// Returns kInvalidArgument unless `found` is `expected`.
absl::Status CheckType(const TypeName& found, const TypeName& expected);

struct Envelope {
  TypeName type;
  absl::string_view object;  // a message of that type
};

// Opens a complete envelope. Returns kInvalidArgument if it is malformed.
absl::StatusOr<Envelope> OpenEnvelope(absl::string_view bytes);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_ENVELOPE_H_
