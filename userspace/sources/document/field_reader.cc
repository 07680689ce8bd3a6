// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/document/field_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace shunt::sources {
namespace {

absl::string_view KindName(const Value& value) {
  switch (value.kind) {
    case Value::Kind::kNull:
      return "null";
    case Value::Kind::kScalar:
      return "a single value";
    case Value::Kind::kList:
      return "a list";
    case Value::Kind::kMap:
      return "an object";
  }
  return "";
}

// The value as an error shows it.
std::string Shown(const Value& value) {
  return value.kind == Value::Kind::kScalar ? absl::StrCat("\"", value.scalar, "\"") : std::string(KindName(value));
}

// What to do about a value that would be right if it were not marked as a string.
std::string WithoutQuotes(const Value& value) {
  return absl::StrCat(": write ", value.scalar, " without quotes or a tag");
}

std::optional<bool> ParseBool(absl::string_view text, Dialect dialect) {
  if (dialect == Dialect::kStrict) {
    return text == "true" || text == "false" ? std::optional<bool>(text == "true") : std::nullopt;
  }
  for (const absl::string_view yes : {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"}) {
    if (text == yes) return true;
  }
  for (const absl::string_view no : {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

bool LooksLikeNumber(absl::string_view text, Dialect dialect) {
  double number = 0;
  if (dialect == Dialect::kStrict) return absl::SimpleAtod(text, &number);
  absl::string_view digits = text;
  if (!digits.empty() && (digits[0] == '-' || digits[0] == '+')) digits.remove_prefix(1);
  if (!digits.empty() && digits[0] == '.') digits.remove_prefix(1);
  return !digits.empty() && absl::ascii_isdigit(digits[0]) && absl::SimpleAtod(text, &number);
}

bool ParseInt(absl::string_view text, Dialect dialect, int64_t* number) {
  const bool digits = text.find_first_not_of("0123456789") == absl::string_view::npos;
  return (digits || dialect == Dialect::kKubernetes) && absl::SimpleAtoi(text, number);
}

}  // namespace

FieldReader::FieldReader(const Value& value, std::string path, std::vector<ParseError>* errors, Dialect dialect)
    : value_(&value), line_(value.line), dialect_(dialect), path_(std::move(path)), errors_(errors) {
  if (value.kind != Value::Kind::kMap) {
    ComplainAt(line_, path_, absl::StrCat("must be an object, not ", KindName(value)));
    value_ = nullptr;
    silent_ = true;
  }
}

FieldReader::FieldReader(const FieldReader& object, absl::string_view field)
    : value_(nullptr),
      line_(object.line_),
      silent_(object.silent_),
      dialect_(object.dialect_),
      path_(object.PathOf(field)),
      errors_(object.errors_) {}

const Value* FieldReader::Field(absl::string_view field) const {
  return value_ == nullptr ? nullptr : value_->Find(field);
}

const std::vector<Value>* FieldReader::List(absl::string_view field) const {
  const Value* const found = Field(field);
  if (found == nullptr) return nullptr;
  if (found->kind == Value::Kind::kList) return &found->items;
  Complain(field, absl::StrCat("must be a list, not ", KindName(*found)));
  return nullptr;
}

std::string FieldReader::PathOf(absl::string_view field) const {
  return path_.empty() ? std::string(field) : absl::StrCat(path_, ".", field);
}

void FieldReader::ComplainAt(int line, absl::string_view path, absl::string_view what) const {
  if (silent_) return;
  errors_->push_back({line, path.empty() ? std::string(what) : absl::StrCat(path, " ", what)});
}

void FieldReader::Complain(absl::string_view field, absl::string_view what) const {
  const Value* const found = Field(field);
  ComplainAt(found != nullptr ? found->line : line_, PathOf(field), what);
}

bool FieldReader::Has(absl::string_view field) const {
  return Field(field) != nullptr;
}

std::optional<std::string> FieldReader::Text(const Value& value, absl::string_view field) const {
  if (value.kind != Value::Kind::kScalar) {
    ComplainAt(value.line, PathOf(field), absl::StrCat("must be a string, not ", KindName(value)));
    return std::nullopt;
  }
  const bool other = ParseBool(value.scalar, dialect_).has_value() || LooksLikeNumber(value.scalar, dialect_);
  if (!value.quoted && other) {
    ComplainAt(value.line, PathOf(field), absl::StrCat("must be a string: write \"", value.scalar, "\" in quotes"));
    return std::nullopt;
  }
  return value.scalar;
}

std::string FieldReader::String(absl::string_view field, absl::string_view missing) const {
  return OptionalString(field).value_or(std::string(missing));
}

std::optional<std::string> FieldReader::OptionalString(absl::string_view field) const {
  const Value* const found = Field(field);
  return found == nullptr ? std::nullopt : Text(*found, field);
}

std::optional<std::string> FieldReader::PlainText(absl::string_view field) const {
  const Value* const found = Field(field);
  if (found == nullptr) return std::nullopt;
  return found->kind == Value::Kind::kScalar ? found->scalar : Text(*found, field);
}

std::string FieldReader::Name(absl::string_view field, NameForm form, std::optional<absl::string_view> missing) const {
  const Value* const found = Field(field);
  const std::optional<std::string> text = found == nullptr ? std::string() : Text(*found, field);
  if (!text.has_value()) return "";
  if (text->empty()) {
    if (!missing.has_value()) Complain(field, "is missing");
    return std::string(missing.value_or(""));
  }
  const std::string wrong = WrongWithName(*text, form);
  if (!wrong.empty()) Complain(field, wrong);
  return *text;
}

int64_t FieldReader::Int(absl::string_view field, int64_t missing, int64_t least, int64_t most) const {
  const Value* const found = Field(field);
  if (found == nullptr) return missing;
  int64_t number = 0;
  const bool is_number = found->kind == Value::Kind::kScalar && ParseInt(found->scalar, dialect_, &number);
  const bool in_range = is_number && number >= least && number <= most;
  if (in_range && !found->quoted) return number;
  Complain(field, absl::StrCat("must be a whole number from ", least, " to ", most,
                               in_range ? WithoutQuotes(*found) : absl::StrCat(", not ", Shown(*found))));
  return missing;
}

std::optional<bool> FieldReader::Bool(absl::string_view field) const {
  const Value* const found = Field(field);
  if (found == nullptr) return std::nullopt;
  const bool is_scalar = found->kind == Value::Kind::kScalar;
  const std::optional<bool> value = is_scalar ? ParseBool(found->scalar, dialect_) : std::nullopt;
  if (value.has_value() && !found->quoted) return value;
  Complain(field, absl::StrCat("must be true or false",
                               value.has_value() ? WithoutQuotes(*found) : absl::StrCat(", not ", Shown(*found))));
  return std::nullopt;
}

std::vector<std::string> FieldReader::Strings(absl::string_view field) const {
  std::vector<std::string> texts;
  const std::vector<Value>* const items = List(field);
  if (items == nullptr) return texts;
  for (const Value& item : *items) {
    if (auto text = Text(item, field)) texts.push_back(*std::move(text));
  }
  return texts;
}

std::map<std::string, std::string> FieldReader::StringMap(absl::string_view field) const {
  std::map<std::string, std::string> texts;
  const FieldReader map = Map(field);
  if (map.value_ == nullptr) return texts;
  for (const auto& [name, value, line] : map.value_->fields) {
    // The API server stores null as the empty string.
    if (value.kind == Value::Kind::kNull) {
      texts[name];
    } else if (auto text = map.Text(value, name)) {
      texts[name] = *std::move(text);
    }
  }
  return texts;
}

FieldReader FieldReader::Map(absl::string_view field) const {
  const Value* const found = Field(field);
  return found == nullptr ? FieldReader(*this, field) : FieldReader(*found, PathOf(field), errors_, dialect_);
}

std::vector<FieldReader> FieldReader::Maps(absl::string_view field) const {
  std::vector<FieldReader> readers;
  const std::vector<Value>* const items = List(field);
  if (items == nullptr) return readers;
  readers.reserve(items->size());
  for (size_t i = 0; i < items->size(); ++i) {
    readers.emplace_back((*items)[i], absl::StrCat(PathOf(field), "[", i, "]"), errors_, dialect_);
  }
  return readers;
}

std::string FieldReader::Choice(absl::string_view field, std::optional<absl::string_view> missing,
                                absl::Span<const absl::string_view> choices) const {
  const Value* const found = Field(field);
  const std::optional<std::string> text = found == nullptr ? std::string() : Text(*found, field);
  if (!text.has_value()) return "";
  for (const absl::string_view choice : choices) {
    if (*text == choice) return *text;
  }
  const std::string accepted =
      absl::StrCat("it must be ", choices.size() > 1 ? "one of " : "", absl::StrJoin(choices, ", "));
  if (!text->empty()) {
    Complain(field, absl::StrCat("is \"", *text, "\"; ", accepted));
  } else if (!missing.has_value()) {
    Complain(field, absl::StrCat("is missing; ", accepted));
  }
  return std::string(missing.value_or(""));
}

void FieldReader::RefuseOthersThan(absl::Span<const absl::string_view> known) const {
  if (value_ == nullptr) return;
  const auto is_known = [&](const Value::Field& field) {
    return std::find(known.begin(), known.end(), field.key) != known.end();
  };
  const auto unknown = std::find_if_not(value_->fields.begin(), value_->fields.end(), is_known);
  if (unknown != value_->fields.end()) {
    ComplainAt(unknown->line, "",
               absl::StrCat("unknown field ", PathOf(unknown->key), "; known here: ", absl::StrJoin(known, ", ")));
  }
  for (const Value::Field& field : value_->fields) {
    if (field.value.kind != Value::Kind::kNull || !is_known(field)) continue;
    ComplainAt(field.line, PathOf(field.key), "has no value: give it one, or remove the field");
  }
}

}  // namespace shunt::sources
