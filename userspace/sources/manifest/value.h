// SPDX-License-Identifier: Apache-2.0
// A document as a tree of values with the lines they stand on. Small on purpose: what a manifest can say, and
// nothing that a hostile one could abuse (no aliases, no tags, bounded depth and size).
#ifndef SHUNT_SOURCES_MANIFEST_VALUE_H_
#define SHUNT_SOURCES_MANIFEST_VALUE_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace shunt::sources {

struct Value {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 0;         // in its file, from 1
  std::string scalar;   // if kScalar: the text, unquoted
  bool quoted = false;  // if kScalar: it was quoted, so it is a string whatever it looks like
  std::vector<Value> items;                            // if kList
  std::vector<std::pair<std::string, Value>> fields;  // if kMap, in order; keys are unique

  // The field, or null if there is none or this is not a map. A field that is null counts as missing.
  const Value* Find(absl::string_view key) const;
};

struct ParseLimits {
  size_t depth_max = 64;
  size_t values_max = 4'000'000;  // of one document
};

// A parse error and where it is.
struct ParseError {
  int line = 0;
  std::string what;
};

// Parses one YAML document (JSON is YAML). `first_line` is the line of the file that `text` begins on. Returns
// false and fills `error` if the text is no YAML, breaks a limit, repeats a key, or uses an anchor or alias.
bool ParseDocument(absl::string_view text, int first_line, const ParseLimits& limits, Value* value,
                   ParseError* error);

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_VALUE_H_
