// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/node_decoder.h"

#include <string>
#include <utility>

#include "kubernetes/core.pb.h"
#include "userspace/sources/api_rules.h"
#include "userspace/sources/kubernetes/wire/metadata_decoder.h"
#include "userspace/sources/kubernetes/wire/wire_format.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;

absl::Status ReadTaint(absl::string_view message, std::string& key) {
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() == api::Taint::kKeyFieldNumber) key = std::string(fields.Bytes());
  }
  return fields.status();
}

absl::Status ReadSpec(absl::string_view message, model::Node& node) {
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() != api::NodeSpec::kTaintsFieldNumber) continue;
    std::string key;
    fields.Fail(ReadTaint(fields.Bytes(), key));
    AppendFirst(kRepeatedMax, std::move(key), node.taint_keys);
  }
  return fields.status();
}

absl::Status ReadAddress(absl::string_view message, absl::string_view& type, absl::string_view& address) {
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() == api::NodeAddress::kTypeFieldNumber) type = fields.Bytes();
    if (fields.number() == api::NodeAddress::kAddressFieldNumber) address = fields.Bytes();
  }
  return fields.status();
}

absl::Status ReadStatus(absl::string_view message, model::Node& node) {
  NodeAddressOrder addresses;
  size_t count = 0;
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() != api::NodeStatus::kAddressesFieldNumber || ++count > kRepeatedMax) continue;
    absl::string_view type;
    absl::string_view address;
    fields.Fail(ReadAddress(fields.Bytes(), type, address));
    addresses.Add(type, address);
  }
  node.addresses = addresses.Take();
  return fields.status();
}

absl::Status ReadMetadata(absl::string_view message, model::Node& node) {
  absl::StatusOr<Metadata> metadata = DecodeMetadata(message);
  if (!metadata.ok()) return metadata.status();
  node.name = std::move(metadata->name.name);
  node.resource_version = std::move(metadata->version);
  node.labels = std::move(metadata->labels);
  node.deleting = metadata->deleting;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<model::Node> DecodeNode(absl::string_view message) {
  model::Node node;
  WireFields fields(message);
  while (fields.Next()) {
    switch (fields.number()) {
      case api::Node::kMetadataFieldNumber:
        fields.Fail(ReadMetadata(fields.Bytes(), node));
        break;
      case api::Node::kSpecFieldNumber:
        fields.Fail(ReadSpec(fields.Bytes(), node));
        break;
      case api::Node::kStatusFieldNumber:
        fields.Fail(ReadStatus(fields.Bytes(), node));
        break;
      default:
        break;
    }
  }
  fields.Fail(CheckName({"", node.name}, NameForm::kSubdomain, false));
  if (!fields.status().ok()) return DecodeFailure(ObjectKind::kNode, message, fields.status());
  return node;
}

}  // namespace shunt::sources::kubernetes
