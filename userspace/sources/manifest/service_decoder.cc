// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "userspace/sources/manifest/object_decoder.h"

namespace shunt::sources {
namespace {

constexpr int64_t kAffinityTimeoutDefaultS = 10'800;
constexpr int64_t kAffinityTimeoutMaxS = 86'400;
// What the names of a Service and of its ports may be at most, as DNS labels.
constexpr size_t kServiceNameLengthMax = 63;
constexpr size_t kPortNameLengthMax = 63;

model::ServiceType DecodeType(const FieldReader& spec) {
  const std::string type =
      spec.Choice("type", "ClusterIP", {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"});
  if (type == "NodePort") return model::ServiceType::kNodePort;
  if (type == "LoadBalancer") return model::ServiceType::kLoadBalancer;
  if (type == "ExternalName") return model::ServiceType::kExternalName;
  return model::ServiceType::kClusterIp;
}

model::TrafficPolicy DecodePolicy(const FieldReader& spec, absl::string_view field) {
  const bool local = spec.Choice(field, "Cluster", {"Cluster", "Local"}) == "Local";
  return local ? model::TrafficPolicy::kLocal : model::TrafficPolicy::kCluster;
}

int32_t DecodeAffinity(const FieldReader& spec) {
  const bool client_ip = spec.Choice("sessionAffinity", "None", {"None", "ClientIP"}) == "ClientIP";
  const FieldReader config = spec.Map("sessionAffinityConfig").Map("clientIP");
  const int64_t timeout_s = config.Int("timeoutSeconds", kAffinityTimeoutDefaultS, 1, kAffinityTimeoutMaxS);
  return client_ip ? static_cast<int32_t>(timeout_s) : 0;
}

model::ServicePort DecodePort(const FieldReader& reader) {
  model::ServicePort port;
  port.name = reader.String("name");
  if (port.name.size() > kPortNameLengthMax) {
    reader.Complain("name", absl::StrCat("is longer than ", kPortNameLengthMax, " characters"));
  }
  const std::string protocol = reader.Choice("protocol", "TCP", {"TCP", "UDP", "SCTP"});
  port.protocol = model::ParseProtocol(protocol).value_or(model::Protocol::kTcp);
  if (!reader.Has("port")) reader.Complain("port", "is missing");
  port.port = static_cast<uint16_t>(reader.Int("port", 0, 1, 65535));
  port.node_port = static_cast<uint16_t>(reader.Int("nodePort", 0, 0, 65535));
  return port;
}

}  // namespace

model::Service DecodeService(const FieldReader& object) {
  model::Service service;
  service.name = DecodeName(object, kServiceNameLengthMax);
  const FieldReader metadata = object.Map("metadata");
  service.uid = metadata.String("uid");
  service.resource_version = metadata.String("resourceVersion");
  service.labels = metadata.StringMap("labels");
  service.annotations = metadata.StringMap("annotations");
  const std::string created = metadata.String("creationTimestamp");
  absl::Time time;
  std::string error;
  if (!created.empty()) {
    if (absl::ParseTime(absl::RFC3339_full, created, &time, &error)) {
      service.creation_time_s = absl::ToUnixSeconds(time);
    } else {
      metadata.Complain("creationTimestamp", "must be a time like 2026-01-31T12:00:00Z");
    }
  }

  const FieldReader spec = object.Map("spec");
  service.type = DecodeType(spec);
  service.cluster_ips = spec.Strings("clusterIPs");
  const std::string cluster_ip = spec.String("clusterIP");
  if (service.cluster_ips.empty() && !cluster_ip.empty()) service.cluster_ips.push_back(cluster_ip);
  service.external_ips = spec.Strings("externalIPs");
  for (const FieldReader& port : spec.Maps("ports")) service.ports.push_back(DecodePort(port));
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
