// SPDX-License-Identifier: Apache-2.0
// One YAML document as a tree of values: strings, lists and maps. Aliases are copies of what they stand for.
#ifndef SHUNT_SOURCES_DOCUMENT_YAML_DOCUMENT_H_
#define SHUNT_SOURCES_DOCUMENT_YAML_DOCUMENT_H_

#include "absl/strings/string_view.h"
#include "userspace/sources/document/value.h"

namespace shunt::sources {

// `first_line` is the line of the file that `text` begins on. Returns false, with `error` filled and `value` null, if
// the text holds more than one YAML document, breaks a limit, repeats a key, or uses what `limits` do not allow. A text
// without any document is null.
//
// yaml-cpp takes U+0004 for the end of the text, and passes on bytes that are not UTF-8: call FindForbiddenByte first
// where a text must be read whole or not at all.
bool ParseYamlDocument(absl::string_view text, int first_line, const ParseLimits& limits, Value* value,
                       ParseError* error);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_DOCUMENT_YAML_DOCUMENT_H_
