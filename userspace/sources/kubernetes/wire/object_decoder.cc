// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/object_decoder.h"

#include <utility>

#include "userspace/sources/kubernetes/wire/endpoint_slice_decoder.h"
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

}  // namespace shunt::sources::kubernetes
