// SPDX-License-Identifier: Apache-2.0
// From the bytes of a file to the texts of its documents. By lines alone, before any parser has seen them, so that
// a syntax error in one document cannot lose the others.
#ifndef SHUNT_SOURCES_DOCUMENT_DOCUMENT_SPLIT_H_
#define SHUNT_SOURCES_DOCUMENT_DOCUMENT_SPLIT_H_

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"

namespace shunt::sources {

struct DocumentText {
  absl::string_view text;  // points into the file's bytes
  int first_line = 1;      // of the file, from 1
};

// The documents of a YAML file. A line that begins with "---" begins a document, inside of quotes too: YAML says
// so. Documents of comments and blanks only are left out.
std::vector<DocumentText> SplitDocuments(absl::string_view file);

// Where the first byte is that no manifest may hold: not UTF-8, or a control character other than tab and line
// ends (YAML forbids them, and yaml-cpp takes U+0004 for the end of the text). Nothing if all is well.
std::optional<size_t> FindForbiddenByte(absl::string_view text);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_DOCUMENT_DOCUMENT_SPLIT_H_
