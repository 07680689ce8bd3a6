// SPDX-License-Identifier: Apache-2.0
// Objects in which every field is set.
#ifndef SHUNT_SOURCES_KUBERNETES_TESTING_SAMPLE_OBJECTS_H_
#define SHUNT_SOURCES_KUBERNETES_TESTING_SAMPLE_OBJECTS_H_

#include "userspace/model/endpoint_slice.h"
#include "userspace/model/node.h"
#include "userspace/model/service.h"

namespace shunt::sources::kubernetes {

inline model::Service SampleService() {
  model::Service service;
  service.name = {"shop", "web"};
  service.uid = "dff9f577-d192";
  service.resource_version = "219";
  service.creation_time_s = 1'769'860'800;
  service.labels = {{"service.kubernetes.io/headless", ""}, {"service.kubernetes.io/service-proxy-name", "other"}};
  service.annotations = {{"shunt-lb.io/endpoint-weights", "{}"}};
  service.type = model::ServiceType::kLoadBalancer;
  service.cluster_ips = {"10.96.0.10", "fd00:96::a"};
  service.external_ips = {"198.51.100.7"};
  service.ports = {{"dns", model::Protocol::kUdp, 53, 30053},
                   {"dns-tcp", model::Protocol::kTcp, 53, 0},
                   {"sig", model::Protocol::kSctp, 65535, 0}};
  service.internal_traffic_policy = model::TrafficPolicy::kLocal;
  service.external_traffic_policy = model::TrafficPolicy::kLocal;
  service.affinity_timeout_s = 600;
  service.load_balancer_source_ranges = {"10.0.0.0/8", "2001:db8::/32"};
  service.load_balancer_ingress = {{"203.0.113.10", "VIP"}, {"203.0.113.11", "Proxy"}, {"", ""}};
  service.health_check_node_port = 32000;
  service.publish_not_ready_addresses = true;
  return service;
}

inline model::EndpointSlice SampleSlice() {
  model::EndpointSlice slice;
  slice.name = {"shop", "web-1.a"};
  slice.uid = "0a1b2c3d";
  slice.resource_version = "220";
  slice.labels = {{"kubernetes.io/service-name", "web"}};
  slice.annotations = {{"endpoints.kubernetes.io/last-change-trigger-time", "2026-01-31T12:00:00Z"},
                       {"shunt-lb.io/weight", "5"}};
  slice.address_type = model::AddressType::kIpv6;
  model::Endpoint full;
  full.address = "fd00::1";
  full.ready = false;
  full.serving = true;
  full.terminating = true;
  full.node_name = "node-a";
  full.zone = "zone-1";
  full.pod_name = "web-7d4b9c-abcde";
  full.hint_zones = {"zone-1", "zone-2"};
  full.hint_nodes = {"node-a"};
  slice.endpoints = {full, model::Endpoint()};
  slice.ports = {{"dns", model::Protocol::kUdp, 5353}, {"", model::Protocol::kTcp, std::nullopt}};
  return slice;
}

inline model::Node SampleNode() {
  model::Node node;
  node.name = "node-a.example";
  node.resource_version = "221";
  node.labels = {{"topology.kubernetes.io/zone", "zone-1"}};
  node.addresses = {"192.0.2.1", "2001:db8::1"};
  node.deleting = true;
  node.taint_keys = {"ToBeDeletedByClusterAutoscaler", "node.kubernetes.io/unreachable"};
  return node;
}

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_TESTING_SAMPLE_OBJECTS_H_
