// SPDX-License-Identifier: Apache-2.0
// Reads a JSON text as a tree of values. YAML's parser could do so, except for surrogate pairs, long keys and speed.
#ifndef SHUNT_SOURCES_DOCUMENT_JSON_DOCUMENT_H_
#define SHUNT_SOURCES_DOCUMENT_JSON_DOCUMENT_H_

#include "absl/strings/string_view.h"
#include "userspace/sources/document/value.h"

namespace shunt::sources {

// Returns false, with `error` set and `value` null, if the text is not exactly one JSON value, exceeds a limit or
// repeats a key. Strings are `quoted`; numbers and booleans are not.
bool ParseJsonDocument(absl::string_view text, const ParseLimits& limits, Value* value, ParseError* error);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_DOCUMENT_JSON_DOCUMENT_H_
