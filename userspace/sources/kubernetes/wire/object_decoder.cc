// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/object_decoder.h"

#include <utility>

#include "userspace/sources/kubernetes/wire/endpoint_slice_decoder.h"
#include "userspace/sources/kubernetes/wire/metadata_decoder.h"
#include "userspace/sources/kubernetes/wire/node_decoder.h"
#include "userspace/sources/kubernetes/wire/service_decoder.h"

namespace shunt::sources::kubernetes {
namespace {

template <typename T>
absl::StatusOr<Object> AsObject(absl::StatusOr<T> decoded) {
  if (!decoded.ok()) return decoded.status();
  return Object(*std::move(decoded));
}

}  // namespace

absl::StatusOr<Object> DecodeObject(ObjectKind kind, absl::string_view message) {
  switch (kind) {
    case ObjectKind::kService:
      return AsObject(DecodeService(message));
    case ObjectKind::kEndpointSlice:
      return AsObject(DecodeEndpointSlice(message));
    case ObjectKind::kNode:
      return AsObject(DecodeNode(message));
  }
  return absl::InvalidArgumentError("no such kind of object");
}

UnusableObject DescribeUnusable(ObjectKind kind, absl::string_view message, const absl::Status& error) {
  Metadata found = SalvageMetadata(message);
  // A Node's name is whole without a namespace.
  if (kind == ObjectKind::kNode) found.name.namespace_name.clear();
  const bool whole = kind == ObjectKind::kNode || !found.name.namespace_name.empty();
  if (!whole || found.name.name.empty()) found.name = {};
  return {.name = std::move(found.name),
          .uid = std::move(found.uid),
          .version = std::move(found.version),
          .why = std::string(error.message())};
}

}  // namespace shunt::sources::kubernetes
