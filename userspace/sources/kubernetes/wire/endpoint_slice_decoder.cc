// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/endpoint_slice_decoder.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kubernetes/core.pb.h"
#include "kubernetes/discovery.pb.h"
#include "userspace/sources/api_rules.h"
#include "userspace/sources/kubernetes/wire/metadata_decoder.h"
#include "userspace/sources/kubernetes/wire/wire_format.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;

absl::Status ReadConditions(absl::string_view message, model::Endpoint& endpoint) {
  WireFields fields(message);
  while (fields.Next()) {
    switch (fields.number()) {
      case api::EndpointConditions::kReadyFieldNumber:
        endpoint.ready = fields.Integer() != 0;
        break;
      case api::EndpointConditions::kServingFieldNumber:
        endpoint.serving = fields.Integer() != 0;
        break;
      case api::EndpointConditions::kTerminatingFieldNumber:
        endpoint.terminating = fields.Integer() != 0;
        break;
      default:
        break;
    }
  }
  return fields.status();
}

absl::Status ReadTarget(absl::string_view message, model::Endpoint& endpoint) {
  absl::string_view kind;
  absl::string_view name;
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() == api::ObjectReference::kKindFieldNumber) kind = fields.Bytes();
    if (fields.number() == api::ObjectReference::kNameFieldNumber) name = fields.Bytes();
  }
  if (kind == "Pod") endpoint.pod_name = name;
  return fields.status();
}

// Reads a ForZone or a ForNode.
model::SharedText ReadHint(absl::string_view message, WireFields& parent) {
  constexpr int kName = api::ForZone::kNameFieldNumber;
  static_assert(kName == api::ForNode::kNameFieldNumber);
  absl::string_view name;
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() == kName) name = fields.Bytes();
  }
  parent.Fail(fields.status());
  return name;
}

absl::Status ReadHints(absl::string_view message, model::Endpoint& endpoint) {
  WireFields fields(message);
  while (fields.Next()) {
    switch (fields.number()) {
      case api::EndpointHints::kForZonesFieldNumber:
        AppendUpTo(kHintsMax, ReadHint(fields.Bytes(), fields), endpoint.hint_zones, fields);
        break;
      case api::EndpointHints::kForNodesFieldNumber:
        AppendUpTo(kHintsMax, ReadHint(fields.Bytes(), fields), endpoint.hint_nodes, fields);
        break;
      default:
        break;
    }
  }
  return fields.status();
}

// A slice's endpoints are on few nodes and in fewer zones: each name is in memory once per slice.
class SliceNames {
 public:
  const model::SharedText& Of(absl::string_view text) {
    for (const model::SharedText& name : names_) {
      if (name == text) return name;
    }
    // With many different names most lookups would find nothing.
    if (names_.size() == kRemembered) names_.clear();
    return names_.emplace_back(text);
  }

 private:
  static constexpr size_t kRemembered = 16;

  std::vector<model::SharedText> names_;
};

absl::Status ReadEndpoint(absl::string_view message, SliceNames& names, model::Endpoint& endpoint) {
  WireFields fields(message);
  while (fields.Next()) {
    switch (fields.number()) {
      case api::Endpoint::kAddressesFieldNumber:
        // Only the first address counts, so only that one is kept.
        if (endpoint.address.empty()) endpoint.address = fields.Bytes();
        break;
      case api::Endpoint::kConditionsFieldNumber:
        fields.Fail(ReadConditions(fields.Bytes(), endpoint));
        break;
      case api::Endpoint::kTargetRefFieldNumber:
        fields.Fail(ReadTarget(fields.Bytes(), endpoint));
        break;
      case api::Endpoint::kNodeNameFieldNumber:
        endpoint.node_name = names.Of(fields.Bytes());
        break;
      case api::Endpoint::kZoneFieldNumber:
        endpoint.zone = names.Of(fields.Bytes());
        break;
      case api::Endpoint::kHintsFieldNumber:
        fields.Fail(ReadHints(fields.Bytes(), endpoint));
        break;
      default:
        break;
    }
  }
  return fields.status();
}

// Returns nothing for a protocol that no Service can have.
std::optional<model::EndpointPort> ReadPort(absl::string_view message, WireFields& parent) {
  model::EndpointPort port;
  port.name = "";  // the API server stores a missing name as "", the name of an unnamed port
  absl::string_view protocol;
  WireFields fields(message);
  while (fields.Next()) {
    switch (fields.number()) {
      case api::EndpointPort::kNameFieldNumber:
        port.name = std::string(fields.Bytes());
        break;
      case api::EndpointPort::kProtocolFieldNumber:
        protocol = fields.Bytes();
        break;
      case api::EndpointPort::kPortFieldNumber:
        port.port = PortNumber(fields.Integer());
        break;
      default:
        break;
    }
  }
  parent.Fail(fields.status());
  const std::optional<model::Protocol> known = ProtocolOf(protocol);
  if (!known.has_value()) return std::nullopt;
  port.protocol = *known;
  return port;
}

absl::Status ReadMetadata(absl::string_view message, model::EndpointSlice& slice) {
  absl::StatusOr<Metadata> metadata = DecodeMetadata(message);
  if (!metadata.ok()) return metadata.status();
  slice.name = std::move(metadata->name);
  slice.uid = std::move(metadata->uid);
  slice.resource_version = std::move(metadata->version);
  slice.labels = std::move(metadata->labels);
  slice.annotations = std::move(metadata->annotations);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<model::EndpointSlice> DecodeEndpointSlice(absl::string_view message) {
  model::EndpointSlice slice;
  slice.address_type = AddressTypeOf("");
  // Counted first: a vector that grows step by step would stay up to twice as large as necessary.
  slice.endpoints.reserve(std::min(CountFields(message, api::EndpointSlice::kEndpointsFieldNumber), kEndpointsMax));
  slice.ports.reserve(std::min(CountFields(message, api::EndpointSlice::kPortsFieldNumber), kRepeatedMax));
  SliceNames names;
  WireFields fields(message);
  while (fields.Next()) {
    switch (fields.number()) {
      case api::EndpointSlice::kMetadataFieldNumber:
        fields.Fail(ReadMetadata(fields.Bytes(), slice));
        break;
      case api::EndpointSlice::kEndpointsFieldNumber: {
        model::Endpoint endpoint;
        fields.Fail(ReadEndpoint(fields.Bytes(), names, endpoint));
        AppendUpTo(kEndpointsMax, std::move(endpoint), slice.endpoints, fields);
        break;
      }
      case api::EndpointSlice::kPortsFieldNumber: {
        std::optional<model::EndpointPort> port = ReadPort(fields.Bytes(), fields);
        if (port.has_value()) AppendUpTo(kRepeatedMax, *std::move(port), slice.ports, fields);
        break;
      }
      case api::EndpointSlice::kAddressTypeFieldNumber:
        slice.address_type = AddressTypeOf(fields.Bytes());
        break;
      default:
        break;
    }
  }
  fields.Fail(CheckName(slice.name, NameForm::kSubdomain, true));
  if (!fields.status().ok()) return DecodeFailure(ObjectKind::kEndpointSlice, message, fields.status());
  return slice;
}

}  // namespace shunt::sources::kubernetes
