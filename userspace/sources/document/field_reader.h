// SPDX-License-Identifier: Apache-2.0
// Typed access to the fields of one object of a manifest. Reading never stops at an error: each reader notes it
// with its line and path and returns the field's default, so one look at an object names all that is wrong. A value
// that is no object at all is noted once; what it lacks then is not.
#ifndef SHUNT_SOURCES_DOCUMENT_FIELD_READER_H_
#define SHUNT_SOURCES_DOCUMENT_FIELD_READER_H_

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "userspace/sources/dns_name.h"
#include "userspace/sources/document/value.h"

namespace shunt::sources {

// Not thread-safe. `errors` and the values outlive the reader.
class FieldReader {
 public:
  // `path` is how errors name it ("spec", "").
  FieldReader(const Value& value, std::string path, std::vector<ParseError>* errors);

  bool Has(absl::string_view field) const;
  // Missing or null: `missing`. What YAML takes for a number or a boolean is no string unless quoted, as for kubectl.
  std::string String(absl::string_view field, absl::string_view missing = "") const;
  // A string that is a name of that form. Missing or empty: `missing`, or a complaint if there is no such.
  std::string Name(absl::string_view field, NameForm form,
                   std::optional<absl::string_view> missing = std::nullopt) const;
  int64_t Int(absl::string_view field, int64_t missing, int64_t least, int64_t most) const;
  // true and false, and what else YAML 1.1 and therefore kubectl takes for them.
  std::optional<bool> Bool(absl::string_view field) const;
  std::vector<std::string> Strings(absl::string_view field) const;
  // Values that are null are empty strings, as the API server has it.
  std::map<std::string, std::string> StringMap(absl::string_view field) const;
  // Missing or null: a reader on which every field is missing.
  FieldReader Map(absl::string_view field) const;
  std::vector<FieldReader> Maps(absl::string_view field) const;
  // One of `choices`. Missing or empty: `missing`, or a complaint if there is no such.
  std::string Choice(absl::string_view field, std::optional<absl::string_view> missing,
                     std::initializer_list<absl::string_view> choices) const;

  // Notes an error at the field, or at this object if the field is missing; the message is "PATH WHAT".
  void Complain(absl::string_view field, absl::string_view what) const;

 private:
  // Of a field that is missing from `object`.
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
  std::string path_;
  std::vector<ParseError>* errors_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_DOCUMENT_FIELD_READER_H_
