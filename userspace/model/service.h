// SPDX-License-Identifier: Apache-2.0
// A Service of the Kubernetes API (core/v1), reduced to the fields that a service proxy reads. A source decodes it.
// Addresses stay text here, because the planner validates them.
#ifndef SHUNT_MODEL_SERVICE_H_
#define SHUNT_MODEL_SERVICE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "userspace/model/names.h"

namespace shunt::model {

enum class ServiceType : uint8_t { kClusterIp, kNodePort, kLoadBalancer, kExternalName };
enum class TrafficPolicy : uint8_t { kCluster, kLocal };

struct ServicePort {
  std::string name;  // empty for the only port of a service
  Protocol protocol = Protocol::kTcp;
  uint16_t port = 0;       // 1..65535
  uint16_t node_port = 0;  // 0: none

  friend bool operator==(const ServicePort&, const ServicePort&) = default;
};

// One entry of status.loadBalancer.ingress.
struct LoadBalancerIngress {
  std::string ip;       // empty when the entry has only a hostname
  std::string ip_mode;  // "", "VIP" or "Proxy"

  friend bool operator==(const LoadBalancerIngress&, const LoadBalancerIngress&) = default;
};

struct Service {
  ObjectName name;
  std::string uid;
  std::string resource_version;
  int64_t creation_time_s = 0;  // metadata.creationTimestamp, seconds since 1970; 0: unknown
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;

  ServiceType type = ServiceType::kClusterIp;
  // spec.clusterIPs; if that is empty, spec.clusterIP alone. "None" stays "None".
  std::vector<std::string> cluster_ips;
  std::vector<std::string> external_ips;
  std::vector<ServicePort> ports;
  TrafficPolicy internal_traffic_policy = TrafficPolicy::kCluster;
  TrafficPolicy external_traffic_policy = TrafficPolicy::kCluster;
  // spec.sessionAffinity ClientIP: its timeout, default 10,800; 0: no affinity.
  int32_t affinity_timeout_s = 0;
  std::vector<std::string> load_balancer_source_ranges;
  std::vector<LoadBalancerIngress> load_balancer_ingress;
  uint16_t health_check_node_port = 0;  // 0: none
  bool publish_not_ready_addresses = false;

  friend bool operator==(const Service&, const Service&) = default;
};

}  // namespace shunt::model

#endif  // SHUNT_MODEL_SERVICE_H_
