// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/object_encoder.h"

#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {
namespace {

namespace api = ::shunt::kubernetes;

// Protobuf's strings are std::string.
std::string Text(absl::string_view text) {
  return std::string(text);
}

std::string Word(model::ServiceType type) {
  switch (type) {
    case model::ServiceType::kClusterIp:
      return "ClusterIP";
    case model::ServiceType::kNodePort:
      return "NodePort";
    case model::ServiceType::kLoadBalancer:
      return "LoadBalancer";
    case model::ServiceType::kExternalName:
      return "ExternalName";
  }
  return "";
}

std::string Word(model::AddressType type) {
  switch (type) {
    case model::AddressType::kIpv4:
      return "IPv4";
    case model::AddressType::kIpv6:
      return "IPv6";
    case model::AddressType::kFqdn:
      return "FQDN";
  }
  return "";
}

std::string Word(model::TrafficPolicy policy) {
  return policy == model::TrafficPolicy::kLocal ? "Local" : "Cluster";
}

void EncodeName(const model::ObjectName& name, const std::string& version, api::ObjectMeta* metadata) {
  metadata->set_name(name.name);
  if (!name.namespace_name.empty()) metadata->set_namespace_(name.namespace_name);
  metadata->set_resource_version(version);
}

void EncodeLabels(const std::map<std::string, std::string>& labels, api::ObjectMeta* metadata) {
  metadata->mutable_labels()->insert(labels.begin(), labels.end());
}

void EncodeAnnotations(const std::map<std::string, std::string>& annotations, api::ObjectMeta* metadata) {
  metadata->mutable_annotations()->insert(annotations.begin(), annotations.end());
}

void EncodePort(const model::ServicePort& port, api::ServicePort* message) {
  message->set_name(port.name);
  message->set_protocol(Text(model::ProtocolName(port.protocol)));
  message->set_port(port.port);
  if (port.node_port != 0) message->set_node_port(port.node_port);
}

void EncodeSpec(const model::Service& service, api::ServiceSpec* spec) {
  for (const model::ServicePort& port : service.ports) EncodePort(port, spec->add_ports());
  spec->set_type(Word(service.type));
  for (const std::string& address : service.cluster_ips) spec->add_cluster_ips(address);
  for (const std::string& address : service.external_ips) spec->add_external_ips(address);
  for (const std::string& range : service.load_balancer_source_ranges) spec->add_load_balancer_source_ranges(range);
  spec->set_internal_traffic_policy(Word(service.internal_traffic_policy));
  spec->set_external_traffic_policy(Word(service.external_traffic_policy));
  if (service.affinity_timeout_s != 0) {
    spec->set_session_affinity("ClientIP");
    spec->mutable_session_affinity_config()->mutable_client_ip()->set_timeout_seconds(service.affinity_timeout_s);
  }
  if (service.health_check_node_port != 0) spec->set_health_check_node_port(service.health_check_node_port);
  if (service.publish_not_ready_addresses) spec->set_publish_not_ready_addresses(true);
}

void EncodeConditions(const model::Endpoint& endpoint, api::EndpointConditions* conditions) {
  if (endpoint.ready.has_value()) conditions->set_ready(*endpoint.ready);
  if (endpoint.serving.has_value()) conditions->set_serving(*endpoint.serving);
  if (endpoint.terminating.has_value()) conditions->set_terminating(*endpoint.terminating);
}

void EncodeEndpoint(const model::Endpoint& endpoint, api::Endpoint* message) {
  if (!endpoint.address.empty()) message->add_addresses(Text(endpoint.address));
  EncodeConditions(endpoint, message->mutable_conditions());
  if (!endpoint.node_name.empty()) message->set_node_name(Text(endpoint.node_name));
  if (!endpoint.zone.empty()) message->set_zone(Text(endpoint.zone));
  if (!endpoint.pod_name.empty()) {
    message->mutable_target_ref()->set_kind("Pod");
    message->mutable_target_ref()->set_name(Text(endpoint.pod_name));
  }
  for (const auto& zone : endpoint.hint_zones) message->mutable_hints()->add_for_zones()->set_name(Text(zone));
  for (const auto& node : endpoint.hint_nodes) message->mutable_hints()->add_for_nodes()->set_name(Text(node));
}

void EncodePort(const model::EndpointPort& port, api::EndpointPort* message) {
  if (port.name.has_value()) message->set_name(*port.name);
  message->set_protocol(Text(model::ProtocolName(port.protocol)));
  if (port.port.has_value()) message->set_port(*port.port);
}

}  // namespace

void EncodeService(const model::Service& service, api::Service* message) {
  api::ObjectMeta* const metadata = message->mutable_metadata();
  EncodeName(service.name, service.resource_version, metadata);
  metadata->set_uid(service.uid);
  if (service.creation_time_s != 0) metadata->mutable_creation_timestamp()->set_seconds(service.creation_time_s);
  EncodeLabels(service.labels, metadata);
  EncodeAnnotations(service.annotations, metadata);
  EncodeSpec(service, message->mutable_spec());
  for (const model::LoadBalancerIngress& ingress : service.load_balancer_ingress) {
    api::LoadBalancerIngress* const entry = message->mutable_status()->mutable_load_balancer()->add_ingress();
    entry->set_ip(ingress.ip);
    if (!ingress.ip_mode.empty()) entry->set_ip_mode(ingress.ip_mode);
  }
}

void EncodeEndpointSlice(const model::EndpointSlice& slice, api::EndpointSlice* message) {
  api::ObjectMeta* const metadata = message->mutable_metadata();
  EncodeName(slice.name, slice.resource_version, metadata);
  metadata->set_uid(slice.uid);
  EncodeLabels(slice.labels, metadata);
  EncodeAnnotations(slice.annotations, metadata);
  message->set_address_type(Word(slice.address_type));
  for (const model::Endpoint& endpoint : slice.endpoints) EncodeEndpoint(endpoint, message->add_endpoints());
  for (const model::EndpointPort& port : slice.ports) EncodePort(port, message->add_ports());
}

void EncodeNode(const model::Node& node, api::Node* message) {
  EncodeName({"", node.name}, node.resource_version, message->mutable_metadata());
  EncodeLabels(node.labels, message->mutable_metadata());
  if (node.deleting) message->mutable_metadata()->mutable_deletion_timestamp();
  for (const std::string& key : node.taint_keys) message->mutable_spec()->add_taints()->set_key(key);
  for (const std::string& address : node.addresses) {
    api::NodeAddress* const entry = message->mutable_status()->add_addresses();
    entry->set_type("InternalIP");
    entry->set_address(address);
  }
}

}  // namespace shunt::sources::kubernetes
