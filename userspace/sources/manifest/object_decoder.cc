// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/object_decoder.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "userspace/sources/api_rules.h"
#include "userspace/sources/document/field_reader.h"
#include "userspace/sources/manifest/endpoint_slice_decoder.h"
#include "userspace/sources/manifest/service_decoder.h"

namespace shunt::sources {
namespace {

constexpr char kCore[] = "v1";
constexpr char kDiscovery[] = "discovery.k8s.io/v1";

// An object's type: its apiVersion and kind.
struct TypeName {
  std::string version;
  std::string kind;

  bool Is(absl::string_view is_version, absl::string_view is_kind) const {
    return version == is_version && kind == is_kind;
  }
};

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

class Decoder {
 public:
  Decoder(std::vector<DecodedObject>* objects, std::vector<ParseError>* errors) : objects_(objects), errors_(errors) {}

  // `item_type` is the type of an object that names none: the API server's typed lists leave it out.
  void Decode(const Value& value, const TypeName& item_type) {
    if (value.kind == Value::Kind::kNull) return;
    const size_t errors_before = errors_->size();
    const FieldReader object(value, "", errors_);
    const TypeName type{object.String("apiVersion", item_type.version), object.String("kind", item_type.kind)};
    if (errors_->size() > errors_before) return;
    if (type.kind.empty() || type.version.empty()) {
      errors_->push_back({value.line, "not a Kubernetes object: apiVersion or kind is missing"});
    } else if (absl::StartsWith(type.version, "discovery.k8s.io/") && type.version != kDiscovery) {
      errors_->push_back(
          {value.line, absl::StrCat(type.kind, " of ", type.version, ": only ", kDiscovery, " is read")});
    } else if (type.Is(kCore, "List")) {
      DecodeItems(object, value, {});
    } else if (type.Is(kCore, "ServiceList")) {
      DecodeItems(object, value, {kCore, "Service"});
    } else if (type.Is(kCore, "NodeList")) {
      DecodeItems(object, value, {kCore, "Node"});
    } else if (type.Is(kDiscovery, "EndpointSliceList")) {
      DecodeItems(object, value, {kDiscovery, "EndpointSlice"});
    } else {
      DecodeOne(object, type, value.line);
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

  void DecodeOne(const FieldReader& object, const TypeName& type, int line) {
    const size_t errors_before = errors_->size();
    DecodedObject decoded;
    decoded.line = line;
    if (type.Is(kCore, "Service")) {
      decoded.object = DecodeService(object);
    } else if (type.Is(kDiscovery, "EndpointSlice")) {
      decoded.object = DecodeEndpointSlice(object);
    } else if (type.Is(kCore, "Node")) {
      decoded.object = DecodeNode(object);
    } else {
      return;
    }
    if (errors_->size() == errors_before) objects_->push_back(std::move(decoded));
  }

  std::vector<DecodedObject>* const objects_;
  std::vector<ParseError>* const errors_;
};

}  // namespace

void DecodeDocument(const Value& document, std::vector<DecodedObject>* objects, std::vector<ParseError>* errors) {
  Decoder(objects, errors).Decode(document, {});
}

}  // namespace shunt::sources
