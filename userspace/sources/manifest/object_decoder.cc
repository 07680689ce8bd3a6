// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/object_decoder.h"

#include <utility>

#include "absl/strings/strip.h"
#include "userspace/sources/api_rules.h"
#include "userspace/sources/document/field_reader.h"
#include "userspace/sources/manifest/endpoint_slice_decoder.h"
#include "userspace/sources/manifest/service_decoder.h"
#include "userspace/sources/manifest/type_name.h"

namespace shunt::sources {
namespace {

model::Node DecodeNode(const FieldReader& object) {
  model::Node node;
  const FieldReader metadata = object.Map("metadata");
  node.name = metadata.Name("name", NameForm::kSubdomain);
  node.resource_version = metadata.String("resourceVersion");
  node.labels = metadata.StringMap("labels");
  node.deleting = !metadata.String("deletionTimestamp").empty();
  for (const FieldReader& taint : object.Map("spec").Maps("taints")) node.taint_keys.push_back(taint.String("key"));
  NodeAddressOrder addresses;
  for (const FieldReader& address : object.Map("status").Maps("addresses")) {
    addresses.Add(address.String("type"), address.String("address"));
  }
  node.addresses = addresses.Take();
  return node;
}

// A selector that is empty is none.
bool HasSelector(const Value& service) {
  const Value* const spec = service.Find("spec");
  const Value* const selector = spec == nullptr ? nullptr : spec->Find("selector");
  return selector != nullptr && !selector->fields.empty();
}

class Decoder {
 public:
  explicit Decoder(Manifest* manifest) : manifest_(manifest), errors_(&manifest->errors) {}

  // `item_type` is the type of an object that names none: the API server's typed lists leave it out.
  void Decode(const Value& value, const TypeName& item_type) {
    if (value.kind == Value::Kind::kNull) return;
    const size_t errors_before = errors_->size();
    const FieldReader object(value, "", errors_);
    const TypeName type{object.String("apiVersion", item_type.version), object.String("kind", item_type.kind)};
    if (errors_->size() > errors_before) return;
    if (type.kind.empty() || type.version.empty()) {
      errors_->push_back({value.line, "not a Kubernetes object: apiVersion or kind is missing"});
    } else if (!IsRead(type)) {
      if (std::string wrong = WrongWithType(type); !wrong.empty()) errors_->push_back({value.line, std::move(wrong)});
    } else if (absl::string_view item_kind = type.kind; absl::ConsumeSuffix(&item_kind, "List")) {
      const bool is_typed = !item_kind.empty();
      DecodeItems(object, value, is_typed ? TypeName{type.version, std::string(item_kind)} : TypeName());
    } else {
      DecodeOne(object, type, value);
    }
  }

 private:
  // Recursion is bounded by the document's depth.
  void DecodeItems(const FieldReader& list, const Value& value, const TypeName& item_type) {
    const Value* const items = value.Find("items");
    if (items == nullptr) return;
    if (items->kind != Value::Kind::kList) return list.Complain("items", "must be a list");
    for (const Value& item : items->items) Decode(item, item_type);
  }

  // REQUIRES: the type is read, and is no list.
  void DecodeOne(const FieldReader& object, const TypeName& type, const Value& value) {
    const size_t errors_before = errors_->size();
    if (type.kind == "Endpoints") {
      DecodedEndpoints endpoints = DecodeEndpoints(object, value.line, &manifest_->warnings);
      if (errors_->size() == errors_before) manifest_->endpoints.push_back(std::move(endpoints));
      return;
    }
    DecodedObject decoded;
    decoded.line = value.line;
    if (type.kind == "Service") {
      decoded.object = DecodeService(object);
      decoded.has_selector = HasSelector(value);
    } else if (type.kind == "EndpointSlice") {
      decoded.object = DecodeEndpointSlice(object);
    } else {
      decoded.object = DecodeNode(object);
    }
    if (errors_->size() == errors_before) manifest_->objects.push_back(std::move(decoded));
  }

  Manifest* const manifest_;
  std::vector<ParseError>* const errors_;
};

}  // namespace

void DecodeDocument(const Value& document, Manifest* manifest) {
  Decoder(manifest).Decode(document, {});
}

}  // namespace shunt::sources
