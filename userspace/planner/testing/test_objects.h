// SPDX-License-Identifier: Apache-2.0
// Small objects for the planner's tests, and functions that read a plan as text.
#ifndef SHUNT_PLANNER_TESTING_TEST_OBJECTS_H_
#define SHUNT_PLANNER_TESTING_TEST_OBJECTS_H_

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "userspace/planner/planner.h"

namespace shunt::planner {

using Texts = std::vector<std::string>;

inline model::IpAddress Address(absl::string_view text) {
  const auto address = model::IpAddress::Parse(text);
  EXPECT_TRUE(address.has_value()) << text;
  return address.value_or(model::IpAddress());
}

// shop/web on 10.96.0.1, port 80/TCP without a name.
inline model::Service MakeService() {
  model::Service service;
  service.name = {"shop", "web"};
  service.cluster_ips = {"10.96.0.1"};
  service.ports = {{"", model::Protocol::kTcp, 80, 0}};
  return service;
}

// A slice of shop/web whose unnamed TCP port is 8080.
inline model::EndpointSlice MakeSlice(std::string name, std::vector<model::Endpoint> endpoints) {
  model::EndpointSlice slice;
  slice.name = {"shop", std::move(name)};
  slice.uid = "uid-" + slice.name.name;
  slice.labels["kubernetes.io/service-name"] = "web";
  slice.endpoints = std::move(endpoints);
  slice.ports = {{"", model::Protocol::kTcp, 8080}};
  return slice;
}

inline model::Endpoint Conditions(std::string address, std::string node, bool ready, bool serving, bool terminating) {
  model::Endpoint endpoint;
  endpoint.address = address;
  endpoint.node_name = node;
  endpoint.ready = ready;
  endpoint.serving = serving;
  endpoint.terminating = terminating;
  return endpoint;
}
inline model::Endpoint Ready(std::string address, std::string node = "there") {
  return Conditions(std::move(address), std::move(node), true, true, false);
}
inline model::Endpoint NotReady(std::string address, std::string node = "there") {
  return Conditions(std::move(address), std::move(node), false, false, false);
}
// Still serving.
inline model::Endpoint Terminating(std::string address, std::string node = "there") {
  return Conditions(std::move(address), std::move(node), false, true, true);
}
inline model::Endpoint Stopped(std::string address, std::string node = "there") {
  return Conditions(std::move(address), std::move(node), false, false, true);
}
inline model::Endpoint InZones(model::Endpoint endpoint, const Texts& zones) {
  endpoint.hint_zones = {zones.begin(), zones.end()};
  return endpoint;
}
inline model::Endpoint ForNodes(model::Endpoint endpoint, const Texts& nodes) {
  endpoint.hint_nodes = {nodes.begin(), nodes.end()};
  return endpoint;
}

// Node "here" in zone "a".
inline NodeContext Here() {
  return {"here", "a", {Address("192.168.0.1"), Address("fd00:192::1")}};
}

inline model::ServicePlan Plan(const model::Service& service, const std::vector<model::EndpointSlice>& slices,
                               const NodeContext& node = Here(), const PlannerOptions& options = {}) {
  std::vector<const model::EndpointSlice*> pointers;
  for (const model::EndpointSlice& slice : slices) pointers.push_back(&slice);
  return PlanService(service, pointers, node, options);
}

// Returns null if the port has no pool of the scope.
inline const model::Pool* PoolOf(const model::PortPlan& port, model::PoolScope scope) {
  for (const model::Pool& pool : port.pools) {
    if (pool.scope == scope) return &pool;
  }
  return nullptr;
}

// Addresses of the members with a share, in order.
inline Texts Selected(const model::Pool& pool) {
  Texts texts;
  for (const model::PoolMember& member : pool.members) {
    if (member.weight > 0) texts.push_back(member.backend.address.ToString());
  }
  return texts;
}

// Addresses of the members without a share, in order.
inline Texts Kept(const model::Pool& pool) {
  Texts texts;
  for (const model::PoolMember& member : pool.members) {
    if (member.weight == 0) texts.push_back(member.backend.address.ToString());
  }
  return texts;
}

// "10.0.0.1:8080 selected", by the cluster-wide verdict, in order.
inline Texts ClusterVerdicts(const model::PortPlan& port) {
  Texts texts;
  for (const model::PlannedEndpoint& endpoint : port.endpoints) {
    texts.push_back(endpoint.backend.address.ToStringWithPort(endpoint.backend.port) + " " +
                    std::string(model::EndpointVerdictName(endpoint.cluster_verdict)));
  }
  return texts;
}

// "ClusterIP 10.96.0.1:80/TCP", of all ports, in order.
inline Texts FrontendTexts(const model::ServicePlan& plan) {
  Texts texts;
  for (const model::PortPlan& port : plan.ports) {
    for (const model::Frontend& frontend : port.frontends) {
      texts.push_back(std::string(model::FrontendKindName(frontend.kind)) + " " + frontend.address.ToString());
    }
  }
  return texts;
}

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_TESTING_TEST_OBJECTS_H_
