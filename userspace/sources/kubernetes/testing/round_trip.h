// SPDX-License-Identifier: Apache-2.0
// What must hold for every object that a decoder accepts.
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

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_ROUND_TRIP_H_
