// SPDX-License-Identifier: Apache-2.0
// One YAML document as a tree of values. Strings, lists and maps; no anchors, aliases or tags, which no manifest
// needs and a hostile one could abuse.
#ifndef SHUNT_SOURCES_DOCUMENT_YAML_DOCUMENT_H_
#define SHUNT_SOURCES_DOCUMENT_YAML_DOCUMENT_H_

#include "absl/strings/string_view.h"
#include "userspace/sources/document/value.h"

namespace shunt::sources {

// `first_line` is the line of the file that `text` begins on. False, with `error` filled and `value` null, if the
// text is not exactly one YAML document, breaks a limit, repeats a key, or uses what is not accepted.
// REQUIRES: `text` is what FindForbiddenByte accepts.
bool ParseYamlDocument(absl::string_view text, int first_line, const ParseLimits& limits, Value* value,
                       ParseError* error);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_DOCUMENT_YAML_DOCUMENT_H_
