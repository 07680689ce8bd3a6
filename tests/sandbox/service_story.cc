// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/service_story.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace shunt::sandbox {

using model::AddressType;

planner::NodeContext ThisNode() {
  return {.node_name = "here",
          .zone = "",
          .primary_addresses = {*model::IpAddress::Parse("10.0.0.1"), *model::IpAddress::Parse("fd00::1")}};
}

ServiceStory::ServiceStory(std::string name) {
  service_.name = {"default", std::move(name)};
  service_.uid = service_.name.ToString();
  service_.creation_time_s = 1'700'000'000;
  options_.serves_packets = true;
}

ServiceStory& ServiceStory::ClusterIp(std::string address) {
  service_.cluster_ips.push_back(std::move(address));
  return *this;
}

ServiceStory& ServiceStory::Port(uint16_t port, model::Protocol protocol, uint16_t target, uint16_t node_port) {
  if (node_port != 0 && service_.type == model::ServiceType::kClusterIp) service_.type = model::ServiceType::kNodePort;
  const std::string name = absl::StrCat("p", port, "-", absl::AsciiStrToLower(model::ProtocolName(protocol)));
  service_.ports.push_back({.name = name, .protocol = protocol, .port = port, .node_port = node_port});
  targets_.push_back(target == 0 ? port : target);
  return *this;
}

ServiceStory& ServiceStory::Endpoint(EndpointStory endpoint) {
  endpoints_.push_back(std::move(endpoint));
  return *this;
}

ServiceStory& ServiceStory::Endpoints(std::vector<std::string> addresses) {
  for (std::string& address : addresses) Endpoint({.address = std::move(address)});
  return *this;
}

ServiceStory& ServiceStory::NoEndpoints() {
  endpoints_.clear();
  return *this;
}

ServiceStory& ServiceStory::Weight(absl::string_view address, uint32_t weight) {
  absl::StrAppend(&weights_, weights_.empty() ? "" : ",", "\"", address, "\":", weight);
  service_.annotations["shunt-lb.io/endpoint-weights"] = absl::StrCat("{", weights_, "}");
  return *this;
}

ServiceStory& ServiceStory::Affinity(int32_t timeout_s) {
  service_.affinity_timeout_s = timeout_s;
  return *this;
}

ServiceStory& ServiceStory::UdpIdle(uint32_t udp_idle_s) {
  options_.udp_idle_s = udp_idle_s;
  return *this;
}

ServiceStory& ServiceStory::ExternalIp(std::string address) {
  service_.external_ips.push_back(std::move(address));
  return *this;
}

ServiceStory& ServiceStory::LoadBalancerIp(std::string address) {
  service_.type = model::ServiceType::kLoadBalancer;
  service_.load_balancer_ingress.push_back({.ip = std::move(address), .ip_mode = "VIP"});
  return *this;
}

ServiceStory& ServiceStory::SourceRange(std::string prefix) {
  service_.load_balancer_source_ranges.push_back(std::move(prefix));
  return *this;
}

ServiceStory& ServiceStory::InternalLocal() {
  service_.internal_traffic_policy = model::TrafficPolicy::kLocal;
  return *this;
}

ServiceStory& ServiceStory::ExternalLocal() {
  service_.external_traffic_policy = model::TrafficPolicy::kLocal;
  return *this;
}

model::EndpointSlice ServiceStory::Slice(AddressType type) const {
  model::EndpointSlice slice;
  slice.name = service_.name;
  slice.name.name += type == AddressType::kIpv4 ? "-v4" : "-v6";
  slice.uid = slice.name.ToString();
  slice.labels["kubernetes.io/service-name"] = service_.name.name;
  slice.address_type = type;
  for (size_t i = 0; i < service_.ports.size(); ++i) {
    slice.ports.push_back(
        {.name = service_.ports[i].name, .protocol = service_.ports[i].protocol, .port = targets_[i]});
  }
  for (const EndpointStory& told : endpoints_) {
    const bool is_v4 = told.address.find(':') == std::string::npos;
    if (is_v4 != (type == AddressType::kIpv4)) continue;
    model::Endpoint endpoint;
    endpoint.address = told.address;
    endpoint.ready = told.ready;
    endpoint.serving = told.serving;
    endpoint.terminating = told.terminating;
    endpoint.node_name = told.node;
    slice.endpoints.push_back(std::move(endpoint));
  }
  return slice;
}

model::ServicePlan ServiceStory::Plan(const planner::NodeContext& node) const {
  const model::EndpointSlice v4 = Slice(AddressType::kIpv4);
  const model::EndpointSlice v6 = Slice(AddressType::kIpv6);
  const model::EndpointSlice* const slices[] = {&v4, &v6};
  return planner::PlanService(service_, slices, node, options_);
}

model::ServicePlan ServiceStory::Removed() const {
  model::ServicePlan plan;
  plan.service = service_.name;
  return plan;
}

}  // namespace shunt::sandbox
