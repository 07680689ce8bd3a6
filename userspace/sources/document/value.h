// SPDX-License-Identifier: Apache-2.0
// A document as a tree of values with the lines they stand on: what YAML and JSON have in common, and all that
// a decoder of objects needs of either.
#ifndef SHUNT_SOURCES_DOCUMENT_VALUE_H_
#define SHUNT_SOURCES_DOCUMENT_VALUE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace shunt::sources {

struct Value {
  struct Field;
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 0;               // in its file, from 1
  bool quoted = false;        // if kScalar: it is a string, whatever it looks like (quotes, a tag)
  std::string scalar;         // if kScalar: the text, unquoted
  std::vector<Value> items;   // if kList
  std::vector<Field> fields;  // if kMap, in order; keys are unique

  // The field, or null if there is none or this is not a map. A field that is null counts as missing.
  const Value* Find(absl::string_view key) const;
};

struct Value::Field {
  std::string key;
  Value value;
  int line = 0;  // of the key
};

// What a document may cost and may use.
struct ParseLimits {
  size_t depth_max = 64;
  size_t values_max = 2'000'000;  // of one document, copies for aliases included
  // YAML's anchors, aliases and merge keys ("<<"). What aliases add to a document is bounded by the length of its text.
  bool anchors = false;
  // YAML's tags, other than !!str. A tag makes a scalar a string and means nothing else.
  bool tags = false;
};

// What is wrong, and on which line of the file; 0: the file as a whole.
struct ParseError {
  int line = 0;
  std::string what;

  friend bool operator==(const ParseError&, const ParseError&) = default;
};

// Returns kInvalidArgument with "FILE:LINE: what", or "FILE: what" if the error is about the file as a whole: the one
// form of errors about what a file says.
inline absl::Status Error(absl::string_view file, const ParseError& error) {
  const std::string line = error.line > 0 ? absl::StrCat(":", error.line) : "";
  return absl::InvalidArgumentError(absl::StrCat(file, line, ": ", error.what));
}

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_DOCUMENT_VALUE_H_
