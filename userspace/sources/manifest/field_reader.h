// SPDX-License-Identifier: Apache-2.0
// Typed access to the fields of one object of a manifest. Reading never stops at an error: each reader notes it
// with its line and path and returns the field's default, so one look at an object names all that is wrong.
#ifndef SHUNT_SOURCES_MANIFEST_FIELD_READER_H_
#define SHUNT_SOURCES_MANIFEST_FIELD_READER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "userspace/sources/manifest/value.h"

namespace shunt::sources {

// Not thread-safe. `errors` and the values outlive the reader.
class FieldReader {
 public:
  // `value` may be null: every field is then missing. `path` is how errors name it ("spec", "").
  FieldReader(const Value* value, std::string path, std::vector<ParseError>* errors);

  bool Has(absl::string_view field) const;
  // Missing or null: `missing`. Numbers and booleans are no strings unless quoted.
  std::string String(absl::string_view field, absl::string_view missing = "") const;
  int64_t Int(absl::string_view field, int64_t missing, int64_t least, int64_t most) const;
  std::optional<bool> Bool(absl::string_view field) const;
  std::vector<std::string> Strings(absl::string_view field) const;
  // Values that are null are left out.
  std::map<std::string, std::string> StringMap(absl::string_view field) const;
  FieldReader Map(absl::string_view field) const;
  std::vector<FieldReader> Maps(absl::string_view field) const;
  // One of `choices`, or missing.
  std::string Choice(absl::string_view field, absl::string_view missing,
                     std::initializer_list<absl::string_view> choices) const;

  // Notes an error at the field, or at this object if the field is missing.
  void Complain(absl::string_view field, absl::string_view what) const;

 private:
  const Value* Field(absl::string_view field) const;
  std::string PathOf(absl::string_view field) const;
  std::optional<std::string> Text(const Value& value, absl::string_view path) const;
  void ComplainAt(int line, absl::string_view path, absl::string_view what) const;

  const Value* value_;
  std::string path_;
  std::vector<ParseError>* errors_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_MANIFEST_FIELD_READER_H_
