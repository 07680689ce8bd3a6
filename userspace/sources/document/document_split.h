// SPDX-License-Identifier: Apache-2.0
// Splits a file's bytes into the texts of its documents. It looks at lines only, before any parser does, so that a
// syntax error in one document does not cost the others.
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

// Returns the documents of a YAML file. A line that begins with "---" begins a document, even in quotes, as YAML
// demands. Documents that have only comments and blanks are left out.
std::vector<DocumentText> SplitDocuments(absl::string_view file);

// Returns the position of the first byte that a document must not contain: one that is not UTF-8, or a control
// character other than tab and line ends (YAML forbids them, and yaml-cpp takes U+0004 for the end of the text).
// Returns nothing if there is none.
std::optional<size_t> FindForbiddenByte(absl::string_view text);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_DOCUMENT_DOCUMENT_SPLIT_H_
