// SPDX-License-Identifier: Apache-2.0
// Appending a repeated field's value, as long as there are not too many.
#ifndef SHUNT_SOURCES_KUBERNETES_WIRE_REPEATED_H_
#define SHUNT_SOURCES_KUBERNETES_WIRE_REPEATED_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/wire/wire_format.h"

namespace shunt::sources::kubernetes {

// Fails the message if `values` has `count_max` elements already.
template <typename T>
void AppendUpTo(size_t count_max, T value, std::vector<T>& values, WireFields& fields) {
  if (values.size() < count_max) {
    values.push_back(std::move(value));
  } else {
    fields.Fail(absl::InvalidArgumentError(absl::StrCat("more than ", count_max, " of field ", fields.number())));
  }
}

// Leaves out what comes after `count_max` elements: for fields of which anybody who may write the object can have more,
// and who must not be able to make the whole list of such objects unreadable by it.
template <typename T>
void AppendFirst(size_t count_max, T value, std::vector<T>& values) {
  if (values.size() < count_max) values.push_back(std::move(value));
}

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_WIRE_REPEATED_H_
