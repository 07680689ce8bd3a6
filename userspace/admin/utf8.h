// SPDX-License-Identifier: Apache-2.0
// Names and annotations come from other people's objects; a protobuf string has to be UTF-8.
#ifndef SHUNT_ADMIN_UTF8_H_
#define SHUNT_ADMIN_UTF8_H_

#include <string>

#include "absl/strings/string_view.h"

namespace shunt::admin {

// `text` with every byte that is not part of well-formed UTF-8 replaced by U+FFFD. A receiver would refuse the whole
// message for one such byte.
std::string ValidUtf8(absl::string_view text);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_UTF8_H_
