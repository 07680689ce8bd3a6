// SPDX-License-Identifier: Apache-2.0
// Protobuf strings must be UTF-8, but names and annotations of the cluster's objects may be anything.
#ifndef SHUNT_ADMIN_UTF8_H_
#define SHUNT_ADMIN_UTF8_H_

#include <string>

#include "absl/strings/string_view.h"

namespace shunt::admin {

// Returns `text` with U+FFFD in place of every byte that is not part of well-formed UTF-8: one such byte would make
// receivers reject the whole message.
std::string ValidUtf8(absl::string_view text);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_UTF8_H_
