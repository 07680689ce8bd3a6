// SPDX-License-Identifier: Apache-2.0
// What must hold for every object that a decoder accepts, and for every one that it refuses.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_ROUND_TRIP_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_ROUND_TRIP_H_

#include <cstdlib>

#include "userspace/sources/dns_name.h"
#include "userspace/sources/kubernetes/testing/api_bytes.h"
#include "userspace/sources/kubernetes/wire/object_decoder.h"

namespace shunt::sources::kubernetes {

inline void Require(bool holds) {
  if (!holds) abort();
}

// Requires that the object has a name, and that encoding and decoding it gives an equal object.
inline void RequireRoundTrip(const Object& object) {
  Require(WrongWithName(NameOf(object).name, NameForm::kSubdomain).empty());
  const absl::StatusOr<Object> again = DecodeObject(KindOf(object), MessageOf(object));
  Require(again.ok() && *again == object);
}

// Requires that an object that was left out is described in bounded text, and that its name is whole or empty.
inline void RequireDescribed(ObjectKind kind, const UnusableObject& object) {
  Require(!object.why.empty() && object.why.size() < 8192);
  Require(object.name.name.size() <= 300 && object.name.namespace_name.size() <= 300);
  Require(object.uid.size() <= 300 && object.version.size() <= 300);
  const bool has_namespace = !object.name.namespace_name.empty();
  Require(has_namespace == (kind != ObjectKind::kNode && !object.name.name.empty()));
}

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_ROUND_TRIP_H_
