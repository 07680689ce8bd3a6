// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/object_decoder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace shunt::sources {
namespace {

constexpr size_t kNamespaceLengthMax = 63;
// A Node's and an EndpointSlice's name is a DNS subdomain.
constexpr size_t kListDepthMax = 8;

// Lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit (RFC 1123).
bool IsDnsName(absl::string_view name) {
  const auto is_edge = [](char c) { return absl::ascii_islower(c) || absl::ascii_isdigit(c); };
  return !name.empty() && is_edge(name.front()) && is_edge(name.back()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_edge(c) || c == '-' || c == '.'; });
}

void CheckName(const FieldReader& metadata, absl::string_view field, const std::string& name, size_t length_max) {
  if (name.empty()) {
    metadata.Complain(field, "is missing");
  } else if (name.size() > length_max) {
    metadata.Complain(field, absl::StrCat("is longer than ", length_max, " characters"));
  } else if (!IsDnsName(name)) {
    metadata.Complain(field, "must consist of lower-case letters, digits, '-' and '.'");
  }
}

void DecodeValue(const Value& value, size_t list_depth, std::vector<DecodedObject>* objects,
                 std::vector<ParseError>* errors);

void DecodeList(const Value& value, size_t list_depth, std::vector<DecodedObject>* objects,
                std::vector<ParseError>* errors) {
  const Value* const items = value.Find("items");
  if (items == nullptr) return;
  if (items->kind != Value::Kind::kList) {
    errors->push_back({items->line, "items must be a list"});
    return;
  }
  if (list_depth >= kListDepthMax) {
    errors->push_back({value.line, absl::StrCat("lists nested more than ", kListDepthMax, " deep")});
    return;
  }
  for (const Value& item : items->items) DecodeValue(item, list_depth + 1, objects, errors);
}

// Items of the API server's lists carry no kind of their own; a typed list says it for them.
void DecodeTypedList(const Value& value, const std::string& api_version, absl::string_view item_kind,
                     std::vector<DecodedObject>* objects, std::vector<ParseError>* errors) {
  const Value* const items = value.Find("items");
  if (items == nullptr || items->kind != Value::Kind::kList) return DecodeList(value, 0, objects, errors);
  for (Value item : items->items) {
    if (item.kind == Value::Kind::kMap && item.Find("kind") == nullptr) {
      Value kind{.kind = Value::Kind::kScalar, .line = item.line, .scalar = std::string(item_kind), .quoted = true};
      Value version{.kind = Value::Kind::kScalar, .line = item.line, .scalar = api_version, .quoted = true};
      item.fields.emplace_back("kind", std::move(kind));
      item.fields.emplace_back("apiVersion", std::move(version));
    }
    DecodeValue(item, 1, objects, errors);
  }
}

void DecodeValue(const Value& value, size_t list_depth, std::vector<DecodedObject>* objects,
                 std::vector<ParseError>* errors) {
  if (value.kind == Value::Kind::kNull) return;
  const size_t errors_before = errors->size();
  const FieldReader object(&value, "", errors);
  const std::string kind = object.String("kind");
  const std::string version = object.String("apiVersion");
  if (errors->size() > errors_before) return;
  if (kind.empty() || version.empty()) {
    errors->push_back({value.line, "not a Kubernetes object: apiVersion and kind are needed"});
    return;
  }
  DecodedObject decoded{.object = {}, .line = value.line};
  if (version == "v1" && kind == "List") return DecodeList(value, list_depth, objects, errors);
  if (version == "v1" && kind == "ServiceList") return DecodeTypedList(value, version, "Service", objects, errors);
  if (version == "v1" && kind == "NodeList") return DecodeTypedList(value, version, "Node", objects, errors);
  if (version == "discovery.k8s.io/v1" && kind == "EndpointSliceList") {
    return DecodeTypedList(value, version, "EndpointSlice", objects, errors);
  }
  if (version == "v1" && kind == "Service") {
    decoded.object = DecodeService(object);
  } else if (version == "discovery.k8s.io/v1" && kind == "EndpointSlice") {
    decoded.object = DecodeEndpointSlice(object);
  } else if (version == "v1" && kind == "Node") {
    decoded.object = DecodeNode(object);
  } else if (kind == "EndpointSlice" && absl::StartsWith(version, "discovery.k8s.io/")) {
    errors->push_back({value.line, absl::StrCat("EndpointSlice of ", version, ": only discovery.k8s.io/v1 is read")});
  } else {
    return;
  }
  if (errors->size() == errors_before) objects->push_back(std::move(decoded));
}

}  // namespace

model::ObjectName DecodeName(const FieldReader& object, size_t name_length_max) {
  const FieldReader metadata = object.Map("metadata");
  model::ObjectName name{metadata.String("namespace", "default"), metadata.String("name")};
  CheckName(metadata, "name", name.name, name_length_max);
  CheckName(metadata, "namespace", name.namespace_name, kNamespaceLengthMax);
  return name;
}

ObjectKind KindOf(const Object& object) {
  if (std::holds_alternative<model::Service>(object)) return ObjectKind::kService;
  if (std::holds_alternative<model::EndpointSlice>(object)) return ObjectKind::kEndpointSlice;
  return ObjectKind::kNode;
}

model::ObjectName NameOf(const Object& object) {
  if (const auto* service = std::get_if<model::Service>(&object)) return service->name;
  if (const auto* slice = std::get_if<model::EndpointSlice>(&object)) return slice->name;
  return {"", std::get<model::Node>(object).name};
}

void DecodeDocument(const Value& document, std::vector<DecodedObject>* objects, std::vector<ParseError>* errors) {
  DecodeValue(document, 0, objects, errors);
}

}  // namespace shunt::sources
