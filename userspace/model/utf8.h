// SPDX-License-Identifier: Apache-2.0
// Text of other people's objects and files, one character at a time.
#ifndef SHUNT_MODEL_UTF8_H_
#define SHUNT_MODEL_UTF8_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace shunt::model {

// Length in bytes of the well-formed UTF-8 sequence at the start of `text`; 0: there is none. Overlong forms,
// surrogates and code points above U+10FFFF are not well-formed. Sets `code_point` if there is one.
size_t DecodeUtf8(absl::string_view text, char32_t* code_point);

}  // namespace shunt::model

#endif  // SHUNT_MODEL_UTF8_H_
