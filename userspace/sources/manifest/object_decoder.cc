// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/object_decoder.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "userspace/sources/api_rules.h"
#include "userspace/sources/document/field_reader.h"
#include "userspace/sources/manifest/endpoint_slice_decoder.h"
#include "userspace/sources/manifest/metadata_decoder.h"
#include "userspace/sources/manifest/service_decoder.h"

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

// Returns the name of an object of this kind, if it has one that Kubernetes accepts.
std::optional<model::ObjectName> LegibleName(const Value& object, absl::string_view kind) {
  std::vector<ParseError> errors;
  const FieldReader metadata = FieldReader(object, "", &errors).Map("metadata");
  const NameForm form = kind == "Service" ? NameForm::kLabel : NameForm::kSubdomain;
  model::ObjectName name =
      kind == "Node" ? model::ObjectName{"", metadata.Name("name", form)} : DecodeName(metadata, form);
  return errors.empty() ? std::optional(std::move(name)) : std::nullopt;
}

class Decoder {
 public:
  // `number` is that of the document.
  Decoder(size_t number, Manifest* manifest) : number_(number), manifest_(manifest) {}

  // `item_type` is the type of an object that names none: the API server's typed lists leave it out.
  void Decode(const Value& value, const TypeName& item_type) {
    if (value.kind == Value::Kind::kNull) return;
    std::vector<ParseError> errors;
    const FieldReader object(value, "", &errors);
    const TypeName type{object.String("apiVersion", item_type.version), object.String("kind", item_type.kind)};
    absl::string_view item_kind = type.kind;
    if (!errors.empty()) {
      NoteErrors(std::move(errors));
    } else if (type.kind.empty() || type.version.empty()) {
      NoteErrors({{value.line, "not a Kubernetes object: apiVersion or kind is missing"}});
    } else if (!IsRead(type)) {
      PassOver(type, value);
    } else if (absl::ConsumeSuffix(&item_kind, "List")) {
      const bool is_typed = !item_kind.empty();
      DecodeItems(value, is_typed ? TypeName{type.version, std::string(item_kind)} : TypeName());
    } else {
      DecodeOne(object, type, value, errors);
      if (!errors.empty()) Refuse(type.kind, value, std::move(errors));
    }
  }

 private:
  // Recursion is bounded by the document's depth.
  void DecodeItems(const Value& list, const TypeName& item_type) {
    const Value* const items = list.Find("items");
    if (items == nullptr) return;
    if (items->kind != Value::Kind::kList) return NoteErrors({{items->line, "items must be a list"}});
    for (const Value& item : items->items) Decode(item, item_type);
  }

  // REQUIRES: the type is not read.
  void PassOver(const TypeName& type, const Value& value) {
    if (std::string wrong = WrongWithType(type); !wrong.empty()) {
      NoteErrors({{value.line, std::move(wrong)}});
    } else if (HasNoSuchKind(type)) {
      // Not ours, but perhaps an object that was.
      std::optional<model::ObjectName> name = LegibleName(value, type.kind);
      if (name.has_value()) manifest_->unknown.push_back({type, *std::move(name), value.line});
    }
  }

  // Appends the object to the manifest, unless its reader notes `errors`. REQUIRES: the type is read, and is no list.
  void DecodeOne(const FieldReader& object, const TypeName& type, const Value& value,
                 const std::vector<ParseError>& errors) {
    if (type.kind == "Endpoints") {
      DecodedEndpoints endpoints = DecodeEndpoints(object, value.line, &manifest_->warnings);
      if (errors.empty()) manifest_->endpoints.push_back(std::move(endpoints));
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
    if (errors.empty()) manifest_->objects.push_back(std::move(decoded));
  }

  void NoteErrors(std::vector<ParseError> errors) {
    for (ParseError& error : errors) manifest_->errors.push_back({std::move(error)});
  }

  // Notes the errors of an object that is left out.
  void Refuse(const std::string& kind, const Value& value, std::vector<ParseError> errors) {
    const std::optional<model::ObjectName> name = LegibleName(value, kind);
    const std::string object =
        name.has_value() ? absl::StrCat(kind, " ", name->namespace_name.empty() ? name->name : name->ToString())
                         : absl::StrCat(kind, " in document ", number_);
    for (ParseError& error : errors) {
      manifest_->errors.push_back({std::move(error), object, kind == "Service" ? name : std::nullopt});
    }
  }

  const size_t number_;
  Manifest* const manifest_;
};

}  // namespace

void DecodeDocument(const Value& document, size_t number, Manifest* manifest) {
  Decoder(number, manifest).Decode(document, {});
}

}  // namespace shunt::sources
