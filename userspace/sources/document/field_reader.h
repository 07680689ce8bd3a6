// SPDX-License-Identifier: Apache-2.0
// Typed access to the fields of one object of a manifest, a kubeconfig or the agent's configuration, and the one style
// of its errors: "PATH what is wrong", with a line. Reading never stops at an error: each reader notes it and returns
// the field's default, so one look at an object names all that is wrong. A value that is not an object at all is noted
// once, and not once more for each field that it then lacks.
#ifndef SHUNT_SOURCES_DOCUMENT_FIELD_READER_H_
#define SHUNT_SOURCES_DOCUMENT_FIELD_READER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "userspace/sources/dns_name.h"
#include "userspace/sources/document/value.h"

namespace shunt::sources {

// How a word without quotes is read.
enum class Dialect {
  // As kubectl reads it, by YAML 1.1: yes, no, on, off and their like are booleans; a number may have a sign.
  kKubernetes,
  // Only true and false are booleans, a whole number is digits and nothing else; what C reads as a number (nan and
  // infinity, too) is a string only in quotes.
  kStrict,
};

// Not thread-safe. `errors` and the values outlive the reader.
class FieldReader {
 public:
  // `path` is how errors name the object ("spec", ""). Readers of what is inside of it have the same dialect.
  FieldReader(const Value& value, std::string path, std::vector<ParseError>* errors,
              Dialect dialect = Dialect::kKubernetes);

  bool Has(absl::string_view field) const;
  // Returns `missing` if the field is missing or null. A word that the dialect reads as a number or a boolean is a
  // string only in quotes.
  std::string String(absl::string_view field, absl::string_view missing = "") const;
  // The same; nullopt if the field is missing or null, and after a complaint.
  std::optional<std::string> OptionalString(absl::string_view field) const;
  // The same, but a number or a word for true or false need not be in quotes: for a field whose values are no numbers
  // and whose own complaint says more than that it must be a string.
  std::optional<std::string> PlainText(absl::string_view field) const;
  // Returns a string that is a name of that form. Returns `missing` if the field is missing or empty; complains if no
  // `missing` is given.
  std::string Name(absl::string_view field, NameForm form,
                   std::optional<absl::string_view> missing = std::nullopt) const;
  int64_t Int(absl::string_view field, int64_t missing, int64_t least, int64_t most) const;
  std::optional<bool> Bool(absl::string_view field) const;
  std::vector<std::string> Strings(absl::string_view field) const;
  // Values that are null are empty strings, as the API server has it.
  std::map<std::string, std::string> StringMap(absl::string_view field) const;
  // Returns a reader without fields if the field is missing or null.
  FieldReader Map(absl::string_view field) const;
  std::vector<FieldReader> Maps(absl::string_view field) const;
  // Returns one of `choices`. Returns `missing` if the field is missing or empty; complains if no `missing` is given.
  std::string Choice(absl::string_view field, std::optional<absl::string_view> missing,
                     absl::Span<const absl::string_view> choices) const;

  // Complains about the first field that is none of `known`, and about fields without a value, which all other calls
  // take for missing.
  void RefuseOthersThan(absl::Span<const absl::string_view> known) const;

  // Notes an error at the field, or at this object if the field is missing; the message is "PATH WHAT".
  void Complain(absl::string_view field, absl::string_view what) const;

 private:
  // Makes the reader of a field that is missing from `object`.
  FieldReader(const FieldReader& object, absl::string_view field);

  const Value* Field(absl::string_view field) const;
  // The field if it is a list; complains if it is something else.
  const std::vector<Value>* List(absl::string_view field) const;
  std::string PathOf(absl::string_view field) const;
  // The value as a string, or a complaint about it as a part of `field`.
  std::optional<std::string> Text(const Value& value, absl::string_view field) const;
  void ComplainAt(int line, absl::string_view path, absl::string_view what) const;

  const Value* value_;  // null: every field is missing
  int line_;
  bool silent_ = false;  // there is no object here, and that was noted
  Dialect dialect_;
  std::string path_;
  std::vector<ParseError>* errors_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_DOCUMENT_FIELD_READER_H_
