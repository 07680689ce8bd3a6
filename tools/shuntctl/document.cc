// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/document.h"

#include <google/protobuf/util/json_util.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "tools/shuntctl/yaml.h"

namespace shunt::shuntctl {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// The greatest integer up to which a double, and so every reader of JSON, tells all integers apart.
constexpr int64_t kExactMax = int64_t{1} << 53;

void MakeReadable(const FieldDescriptor& field, Json& value);

void MakeReadable(const Descriptor& type, Json& object) {
  for (int i = 0; i < type.field_count(); ++i) {
    const auto found = object.find(type.field(i)->json_name());
    if (found == object.end()) continue;
    if (!found->is_array()) {
      MakeReadable(*type.field(i), *found);
    } else {
      for (Json& element : *found) MakeReadable(*type.field(i), element);
    }
  }
}

void MakeReadable(const FieldDescriptor& field, Json& value) {
  if (value.is_object()) {
    MakeReadable(*field.message_type(), value);
  } else if (value.is_number_float()) {
    double rounded = 0;
    if (absl::SimpleAtod(absl::StrFormat("%.6g", value.get<double>()), &rounded)) value = rounded;
  } else if (value.is_string() && (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64 ||
                                   field.cpp_type() == FieldDescriptor::CPPTYPE_INT64)) {
    int64_t number = 0;
    if (absl::SimpleAtoi(value.get_ref<const std::string&>(), &number) && number <= kExactMax && number >= -kExactMax) {
      value = number;
    }
  }
}

}  // namespace

Json ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  // Fails only for messages of type Any and times out of range, which print as an empty object.
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return Json::object();
  Json object = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  MakeReadable(*message.GetDescriptor(), object);
  return object;
}

Json NewDocument(absl::string_view kind) {
  return {{"apiVersion", "shunt.admin.v1"}, {"kind", std::string(kind)}};
}

std::string Print(const Json& document, Format format) {
  if (format == Format::kYaml) return ToYaml(document);
  const int indent = format == Format::kJson ? -1 : 2;
  return document.dump(indent, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace) + "\n";
}

std::string PrintMessage(absl::string_view kind, const google::protobuf::Message& message, Format format) {
  Json document = NewDocument(kind);
  document.update(ToJson(message));
  return Print(document, format);
}

std::string PrintList(absl::string_view kind, const std::vector<const google::protobuf::Message*>& messages,
                      Format format) {
  Json document = NewDocument(kind);
  Json& items = document["items"] = Json::array();
  for (const google::protobuf::Message* message : messages) items.push_back(ToJson(*message));
  return Print(document, format);
}

}  // namespace shunt::shuntctl
