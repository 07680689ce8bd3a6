// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/document.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>

#include "tools/shuntctl/yaml.h"

namespace shunt::shuntctl {

Json ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  // Fails only for messages of type Any and times out of range, which print as an empty object.
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return Json::object();
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
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
