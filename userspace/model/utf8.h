// SPDX-License-Identifier: Apache-2.0
// Decodes UTF-8 text of objects and files, one character at a time.
#ifndef SHUNT_MODEL_UTF8_H_
#define SHUNT_MODEL_UTF8_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace shunt::model {

// Returns the length in bytes of the well-formed UTF-8 sequence at the start of `text` and sets `code_point`, or
// returns 0 if there is none. Overlong forms, surrogates and code points above U+10FFFF are not well-formed.
size_t DecodeUtf8(absl::string_view text, char32_t* code_point);

}  // namespace shunt::model

#endif  // SHUNT_MODEL_UTF8_H_
