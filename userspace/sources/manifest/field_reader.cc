// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/field_reader.h"

#include <utility>

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

// What a plain (unquoted) scalar that is not a string looks like in YAML's core schema, as far as people mean it.
bool LooksLikeNumberOrBool(const std::string& text) {
  double number = 0;
  return text == "true" || text == "false" || (absl::SimpleAtod(text, &number) && text != "inf" && text != "nan");
}

}  // namespace

FieldReader::FieldReader(const Value* value, std::string path, std::vector<ParseError>* errors)
    : value_(value), path_(std::move(path)), errors_(errors) {
  if (value_ != nullptr && value_->kind != Value::Kind::kMap) {
    ComplainAt(value_->line, path_, absl::StrCat("must be an object, not ", KindName(*value_)));
    value_ = nullptr;
  }
}

const Value* FieldReader::Field(absl::string_view field) const {
  return value_ == nullptr ? nullptr : value_->Find(field);
}

std::string FieldReader::PathOf(absl::string_view field) const {
  return path_.empty() ? std::string(field) : absl::StrCat(path_, ".", field);
}

void FieldReader::ComplainAt(int line, absl::string_view path, absl::string_view what) const {
  errors_->push_back({line, path.empty() ? std::string(what) : absl::StrCat(path, " ", what)});
}

void FieldReader::Complain(absl::string_view field, absl::string_view what) const {
  const Value* const found = Field(field);
  ComplainAt(found != nullptr ? found->line : (value_ != nullptr ? value_->line : 0), PathOf(field), what);
}

bool FieldReader::Has(absl::string_view field) const { return Field(field) != nullptr; }

std::optional<std::string> FieldReader::Text(const Value& value, absl::string_view path) const {
  if (value.kind != Value::Kind::kScalar) {
    ComplainAt(value.line, path, absl::StrCat("must be a string, not ", KindName(value)));
    return std::nullopt;
  }
  if (!value.quoted && LooksLikeNumberOrBool(value.scalar)) {
    ComplainAt(value.line, path, absl::StrCat("must be a string: write \"", value.scalar, "\" in quotes"));
    return std::nullopt;
  }
  return value.scalar;
}

std::string FieldReader::String(absl::string_view field, absl::string_view missing) const {
  const Value* const found = Field(field);
  if (found == nullptr) return std::string(missing);
  return Text(*found, PathOf(field)).value_or(std::string(missing));
}

int64_t FieldReader::Int(absl::string_view field, int64_t missing, int64_t least, int64_t most) const {
  const Value* const found = Field(field);
  if (found == nullptr) return missing;
  int64_t number = 0;
  const bool is_number =
      found->kind == Value::Kind::kScalar && !found->quoted && absl::SimpleAtoi(found->scalar, &number);
  if (is_number && number >= least && number <= most) return number;
  Complain(field, absl::StrCat("must be a whole number from ", least, " to ", most));
  return missing;
}

std::optional<bool> FieldReader::Bool(absl::string_view field) const {
  const Value* const found = Field(field);
  if (found == nullptr) return std::nullopt;
  if (found->kind == Value::Kind::kScalar && !found->quoted) {
    if (found->scalar == "true") return true;
    if (found->scalar == "false") return false;
  }
  Complain(field, "must be true or false");
  return std::nullopt;
}

std::vector<std::string> FieldReader::Strings(absl::string_view field) const {
  std::vector<std::string> texts;
  const Value* const found = Field(field);
  if (found == nullptr) return texts;
  if (found->kind != Value::Kind::kList) {
    Complain(field, absl::StrCat("must be a list, not ", KindName(*found)));
    return texts;
  }
  for (const Value& item : found->items) {
    if (auto text = Text(item, PathOf(field))) texts.push_back(*std::move(text));
  }
  return texts;
}

std::map<std::string, std::string> FieldReader::StringMap(absl::string_view field) const {
  std::map<std::string, std::string> texts;
  const FieldReader map = Map(field);
  if (map.value_ == nullptr) return texts;
  for (const auto& [name, value] : map.value_->fields) {
    if (value.kind == Value::Kind::kNull) continue;
    if (auto text = Text(value, map.PathOf(name))) texts[name] = *std::move(text);
  }
  return texts;
}

FieldReader FieldReader::Map(absl::string_view field) const {
  return FieldReader(Field(field), PathOf(field), errors_);
}

std::vector<FieldReader> FieldReader::Maps(absl::string_view field) const {
  std::vector<FieldReader> readers;
  const Value* const found = Field(field);
  if (found == nullptr) return readers;
  if (found->kind != Value::Kind::kList) {
    Complain(field, absl::StrCat("must be a list, not ", KindName(*found)));
    return readers;
  }
  for (size_t i = 0; i < found->items.size(); ++i) {
    readers.emplace_back(&found->items[i], absl::StrCat(PathOf(field), "[", i, "]"), errors_);
  }
  return readers;
}

std::string FieldReader::Choice(absl::string_view field, absl::string_view missing,
                                std::initializer_list<absl::string_view> choices) const {
  const std::string text = String(field, missing);
  if (text == missing) return text;
  for (const absl::string_view choice : choices) {
    if (text == choice) return text;
  }
  Complain(field, absl::StrCat("is \"", text, "\"; it must be one of ", absl::StrJoin(choices, ", ")));
  return std::string(missing);
}

}  // namespace shunt::sources
