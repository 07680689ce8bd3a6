// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/manifest/service_decoder.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "userspace/sources/api_rules.h"
#include "userspace/sources/manifest/metadata_decoder.h"

namespace shunt::sources {
namespace {

model::ServiceType DecodeType(const FieldReader& spec) {
  return ServiceTypeOf(spec.Choice("type", "ClusterIP", {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"}));
}

model::TrafficPolicy DecodePolicy(const FieldReader& spec, absl::string_view field) {
  return TrafficPolicyOf(spec.Choice(field, "Cluster", {"Cluster", "Local"}));
}

int32_t DecodeAffinity(const FieldReader& spec) {
  const std::string affinity = spec.Choice("sessionAffinity", "None", {"None", "ClientIP"});
  const FieldReader config = spec.Map("sessionAffinityConfig").Map("clientIP");
  return AffinityTimeoutS(affinity, config.Int("timeoutSeconds", kAffinityTimeoutDefaultS, 1, kAffinityTimeoutMaxS));
}

// A port may have no name only if it is the Service's only one.
model::ServicePort DecodePort(const FieldReader& reader, bool only) {
  model::ServicePort port;
  port.name = only ? reader.Name("name", NameForm::kLabel, "") : reader.Name("name", NameForm::kLabel);
  const std::string protocol = reader.Choice("protocol", "TCP", {"TCP", "UDP", "SCTP"});
  port.protocol = ProtocolOf(protocol).value_or(model::Protocol::kTcp);
  if (!reader.Has("port")) reader.Complain("port", "is missing");
  port.port = static_cast<uint16_t>(reader.Int("port", 0, 1, 65535));
  port.node_port = static_cast<uint16_t>(reader.Int("nodePort", 0, 0, 65535));
  return port;
}

// The API server refuses two ports that could be confused with each other; a manifest has not passed an API server.
std::vector<model::ServicePort> DecodePorts(const FieldReader& spec) {
  std::vector<model::ServicePort> ports;
  ServicePortSet known;
  const std::vector<FieldReader> readers = spec.Maps("ports");
  for (const FieldReader& reader : readers) {
    const model::ServicePort port = DecodePort(reader, readers.size() == 1);
    if (port.port != 0) {
      const ServicePortSet::Clash clash = known.Add(port);
      if (clash == ServicePortSet::Clash::kName) reader.Complain("name", "is another port's name too");
      if (clash == ServicePortSet::Clash::kNumber) reader.Complain("port", "is another port's number too");
    }
    ports.push_back(port);
  }
  return ports;
}

// Returns seconds since 1970.
int64_t DecodeCreationTime(const FieldReader& metadata) {
  const std::string text = metadata.String("creationTimestamp");
  if (text.empty()) return 0;
  absl::Time time;
  std::string error;
  // ParseTime accepts "infinite-future" too, which is not a time.
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error) && time >= absl::UnixEpoch() &&
      time < absl::InfiniteFuture()) {
    return absl::ToUnixSeconds(time);
  }
  metadata.Complain("creationTimestamp", "must be a time like 2026-01-31T12:00:00Z");
  return 0;
}

// clusterIP is the first of clusterIPs; either may be given alone.
std::vector<std::string> DecodeClusterIps(const FieldReader& spec) {
  std::vector<std::string> addresses = spec.Strings("clusterIPs");
  const std::string first = spec.String("clusterIP");
  if (first.empty()) return addresses;
  if (addresses.empty()) {
    addresses.push_back(first);
  } else if (addresses.front() != first) {
    spec.Complain("clusterIP", absl::StrCat("is ", first, ", but the first of clusterIPs is ", addresses.front()));
  }
  return addresses;
}

}  // namespace

model::Service DecodeService(const FieldReader& object) {
  model::Service service;
  const FieldReader metadata = object.Map("metadata");
  service.name = DecodeName(metadata, NameForm::kLabel);
  service.uid = metadata.String("uid");
  service.resource_version = metadata.String("resourceVersion");
  service.labels = metadata.StringMap("labels");
  service.annotations = metadata.StringMap("annotations");
  service.creation_time_s = DecodeCreationTime(metadata);

  const FieldReader spec = object.Map("spec");
  service.type = DecodeType(spec);
  service.cluster_ips = DecodeClusterIps(spec);
  service.external_ips = spec.Strings("externalIPs");
  service.ports = DecodePorts(spec);
  service.internal_traffic_policy = DecodePolicy(spec, "internalTrafficPolicy");
  service.external_traffic_policy = DecodePolicy(spec, "externalTrafficPolicy");
  service.affinity_timeout_s = DecodeAffinity(spec);
  service.load_balancer_source_ranges = spec.Strings("loadBalancerSourceRanges");
  service.health_check_node_port = static_cast<uint16_t>(spec.Int("healthCheckNodePort", 0, 0, 65535));
  service.publish_not_ready_addresses = spec.Bool("publishNotReadyAddresses").value_or(false);
  for (const FieldReader& entry : object.Map("status").Map("loadBalancer").Maps("ingress")) {
    service.load_balancer_ingress.push_back({entry.String("ip"), entry.Choice("ipMode", "", {"VIP", "Proxy"})});
  }
  return service;
}

}  // namespace shunt::sources
