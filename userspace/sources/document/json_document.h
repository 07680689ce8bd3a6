// SPDX-License-Identifier: Apache-2.0
// A JSON text as a tree of values. JSON could be read as YAML, but for surrogate pairs, long keys and the speed.
#ifndef SHUNT_SOURCES_DOCUMENT_JSON_DOCUMENT_H_
#define SHUNT_SOURCES_DOCUMENT_JSON_DOCUMENT_H_

#include "absl/strings/string_view.h"
#include "userspace/sources/document/value.h"

namespace shunt::sources {

// False, with `error` filled and `value` null, if the text is not exactly one JSON value, breaks a limit or repeats
// a key. Strings are `quoted`; numbers and booleans are not.
bool ParseJsonDocument(absl::string_view text, const ParseLimits& limits, Value* value, ParseError* error);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_DOCUMENT_JSON_DOCUMENT_H_
