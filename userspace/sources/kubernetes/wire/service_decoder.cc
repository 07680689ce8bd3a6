// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/service_decoder.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kubernetes/core.pb.h"
#include "userspace/sources/api_rules.h"
#include "userspace/sources/kubernetes/wire/metadata_decoder.h"
#include "userspace/sources/kubernetes/wire/wire_format.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;

// Fields of the spec that together become one field of the model.
struct SpecParts {
  std::string cluster_ip;
  absl::string_view affinity;
  std::optional<int64_t> affinity_timeout_s;
  ServicePortSet ports;
};

// Returns nothing for a port that no Service can have.
std::optional<model::ServicePort> ReadPort(absl::string_view message, WireFields& parent) {
  model::ServicePort port;
  absl::string_view protocol;
  WireFields fields(message);
  while (fields.Next()) {
    switch (fields.number()) {
      case api::ServicePort::kNameFieldNumber:
        port.name = std::string(fields.Bytes());
        break;
      case api::ServicePort::kProtocolFieldNumber:
        protocol = fields.Bytes();
        break;
      case api::ServicePort::kPortFieldNumber:
        port.port = PortNumber(fields.Integer()).value_or(0);
        break;
      case api::ServicePort::kNodePortFieldNumber:
        port.node_port = PortNumber(fields.Integer()).value_or(0);
        break;
      default:
        break;
    }
  }
  parent.Fail(fields.status());
  const std::optional<model::Protocol> known = ProtocolOf(protocol);
  const bool named = port.name.empty() || WrongWithName(port.name, NameForm::kLabel).empty();
  if (port.port == 0 || !known.has_value() || !named) return std::nullopt;
  port.protocol = *known;
  return port;
}

void AddPort(absl::string_view message, WireFields& fields, ServicePortSet& known, model::Service& service) {
  std::optional<model::ServicePort> port = ReadPort(message, fields);
  if (!port.has_value() || known.Add(*port) != ServicePortSet::Clash::kNone) return;
  AppendFirst(kRepeatedMax, *std::move(port), service.ports);
}

absl::Status ReadAffinityTimeout(absl::string_view message, std::optional<int64_t>& timeout_s) {
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() == api::ClientIPConfig::kTimeoutSecondsFieldNumber) timeout_s = fields.Integer();
  }
  return fields.status();
}

absl::Status ReadAffinityConfig(absl::string_view message, std::optional<int64_t>& timeout_s) {
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() != api::SessionAffinityConfig::kClientIpFieldNumber) continue;
    fields.Fail(ReadAffinityTimeout(fields.Bytes(), timeout_s));
  }
  return fields.status();
}

void ReadSpecField(WireFields& fields, SpecParts& parts, model::Service& service) {
  switch (fields.number()) {
    case api::ServiceSpec::kPortsFieldNumber:
      return AddPort(fields.Bytes(), fields, parts.ports, service);
    case api::ServiceSpec::kClusterIpFieldNumber:
      parts.cluster_ip = std::string(fields.Bytes());
      break;
    case api::ServiceSpec::kTypeFieldNumber:
      service.type = ServiceTypeOf(fields.Bytes());
      break;
    case api::ServiceSpec::kExternalIpsFieldNumber:
      return AppendFirst(kRepeatedMax, std::string(fields.Bytes()), service.external_ips);
    case api::ServiceSpec::kSessionAffinityFieldNumber:
      parts.affinity = fields.Bytes();
      break;
    case api::ServiceSpec::kLoadBalancerSourceRangesFieldNumber:
      return AppendFirst(kRepeatedMax, std::string(fields.Bytes()), service.load_balancer_source_ranges);
    case api::ServiceSpec::kExternalTrafficPolicyFieldNumber:
      service.external_traffic_policy = TrafficPolicyOf(fields.Bytes());
      break;
    case api::ServiceSpec::kHealthCheckNodePortFieldNumber:
      service.health_check_node_port = PortNumber(fields.Integer()).value_or(0);
      break;
    case api::ServiceSpec::kPublishNotReadyAddressesFieldNumber:
      service.publish_not_ready_addresses = fields.Integer() != 0;
      break;
    case api::ServiceSpec::kSessionAffinityConfigFieldNumber:
      return fields.Fail(ReadAffinityConfig(fields.Bytes(), parts.affinity_timeout_s));
    case api::ServiceSpec::kClusterIpsFieldNumber:
      return AppendFirst(kRepeatedMax, std::string(fields.Bytes()), service.cluster_ips);
    case api::ServiceSpec::kInternalTrafficPolicyFieldNumber:
      service.internal_traffic_policy = TrafficPolicyOf(fields.Bytes());
      break;
    default:
      break;
  }
}

absl::Status ReadSpec(absl::string_view message, model::Service& service) {
  SpecParts parts;
  WireFields fields(message);
  while (fields.Next()) ReadSpecField(fields, parts, service);
  if (service.cluster_ips.empty() && !parts.cluster_ip.empty()) service.cluster_ips.push_back(parts.cluster_ip);
  service.affinity_timeout_s = AffinityTimeoutS(parts.affinity, parts.affinity_timeout_s);
  return fields.status();
}

absl::Status ReadIngress(absl::string_view message, model::LoadBalancerIngress& ingress) {
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() == api::LoadBalancerIngress::kIpFieldNumber) ingress.ip = std::string(fields.Bytes());
    if (fields.number() == api::LoadBalancerIngress::kIpModeFieldNumber) ingress.ip_mode = std::string(fields.Bytes());
  }
  return fields.status();
}

absl::Status ReadLoadBalancer(absl::string_view message, model::Service& service) {
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() != api::LoadBalancerStatus::kIngressFieldNumber) continue;
    model::LoadBalancerIngress ingress;
    fields.Fail(ReadIngress(fields.Bytes(), ingress));
    AppendFirst(kRepeatedMax, std::move(ingress), service.load_balancer_ingress);
  }
  return fields.status();
}

absl::Status ReadStatus(absl::string_view message, model::Service& service) {
  WireFields fields(message);
  while (fields.Next()) {
    if (fields.number() != api::ServiceStatus::kLoadBalancerFieldNumber) continue;
    fields.Fail(ReadLoadBalancer(fields.Bytes(), service));
  }
  return fields.status();
}

absl::Status ReadMetadata(absl::string_view message, model::Service& service) {
  absl::StatusOr<Metadata> metadata = DecodeMetadata(message);
  if (!metadata.ok()) return metadata.status();
  service.name = std::move(metadata->name);
  service.uid = std::move(metadata->uid);
  service.resource_version = std::move(metadata->version);
  service.creation_time_s = metadata->creation_time_s;
  service.labels = std::move(metadata->labels);
  service.annotations = std::move(metadata->annotations);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<model::Service> DecodeService(absl::string_view message) {
  model::Service service;
  WireFields fields(message);
  while (fields.Next()) {
    switch (fields.number()) {
      case api::Service::kMetadataFieldNumber:
        fields.Fail(ReadMetadata(fields.Bytes(), service));
        break;
      case api::Service::kSpecFieldNumber:
        fields.Fail(ReadSpec(fields.Bytes(), service));
        break;
      case api::Service::kStatusFieldNumber:
        fields.Fail(ReadStatus(fields.Bytes(), service));
        break;
      default:
        break;
    }
  }
  fields.Fail(CheckName(service.name, NameForm::kLabel, true));
  if (!fields.status().ok()) return DecodeFailure(ObjectKind::kService, message, fields.status());
  return service;
}

}  // namespace shunt::sources::kubernetes
