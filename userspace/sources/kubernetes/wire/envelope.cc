// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/envelope.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kubernetes/watch.pb.h"
#include "userspace/sources/kubernetes/wire/wire_format.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;

// Describes a type for people; a foreign one may hold any bytes.
std::string Describe(const TypeName& type) {
  return absl::CEscape(absl::StrCat(type.api_version.substr(0, 100), " ", type.kind.substr(0, 100)));
}

}  // namespace

TypeName TypeOf(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kService:
      return {"v1", "Service"};
    case ObjectKind::kEndpointSlice:
      return {"discovery.k8s.io/v1", "EndpointSlice"};
    case ObjectKind::kNode:
      return {"v1", "Node"};
  }
  return {};
}

TypeName ListTypeOf(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kService:
      return {"v1", "ServiceList"};
    case ObjectKind::kEndpointSlice:
      return {"discovery.k8s.io/v1", "EndpointSliceList"};
    case ObjectKind::kNode:
      return {"v1", "NodeList"};
  }
  return {};
}

absl::StatusOr<TypeName> DecodeTypeName(absl::string_view message) {
  TypeName type;
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() == api::TypeMeta::kApiVersionFieldNumber) type.api_version = fields.Bytes();
    if (fields.number() == api::TypeMeta::kKindFieldNumber) type.kind = fields.Bytes();
  }
  if (!fields.status().ok()) return fields.status();
  return type;
}

absl::Status CheckType(const TypeName& found, const TypeName& expected) {
  if (found == expected) return absl::OkStatus();
  const std::string what = found == TypeName() ? "untyped" : absl::StrCat("a ", Describe(found));
  return absl::InvalidArgumentError(absl::StrCat("is ", what, ", expected a ", Describe(expected)));
}

absl::StatusOr<Envelope> OpenEnvelope(absl::string_view bytes) {
  if (!absl::StartsWith(bytes, kEnvelopeMagic)) {
    return absl::InvalidArgumentError("not Kubernetes protobuf: it does not begin with \"k8s\" and a zero");
  }
  Envelope envelope;
  WireFields fields(bytes.substr(kEnvelopeMagic.size()));
  while (fields.Next()) {
    if (fields.number() == api::Unknown::kTypeMetaFieldNumber) {
      const absl::StatusOr<TypeName> type = DecodeTypeName(fields.Bytes());
      fields.Fail(type.status());
      envelope.type = type.value_or(TypeName());
    }
    if (fields.number() == api::Unknown::kRawFieldNumber) envelope.object = fields.Bytes();
  }
  if (!fields.status().ok()) return fields.status();
  return envelope;
}

}  // namespace shunt::sources::kubernetes
