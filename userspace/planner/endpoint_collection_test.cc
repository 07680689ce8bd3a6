// SPDX-License-Identifier: Apache-2.0
// Slices become the endpoints of one port: the cases of kube-proxy's endpoint-slice cache in our words, and attempts of
// malicious slices.
#include "userspace/planner/endpoint_collection.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "userspace/planner/testing/test_objects.h"

namespace shunt::planner {
namespace {

using V = model::EndpointVerdict;

model::EndpointSlice WithPort(model::EndpointSlice slice, std::vector<model::EndpointPort> ports) {
  slice.ports = std::move(ports);
  return slice;
}

// The verdicts of the first port.
Texts Verdicts(const model::Service& service, const std::vector<model::EndpointSlice>& slices) {
  return ClusterVerdicts(Plan(service, slices).ports.at(0));
}

TEST(SliceMergeTest, SlicesAddUp) {
  const struct {
    const char* sentence;
    std::vector<model::EndpointSlice> slices;
    Texts expected;
  } kRows[] = {
      {"no slice", {}, {}},
      {"an empty slice", {MakeSlice("a", {})}, {}},
      {"one slice",
       {MakeSlice("a", {Ready("10.0.0.2"), Ready("10.0.0.1")})},
       {"10.0.0.1:8080 selected", "10.0.0.2:8080 selected"}},
      {"two slices, one port",
       {MakeSlice("a", {Ready("10.0.0.1")}), MakeSlice("b", {Ready("10.0.1.1")})},
       {"10.0.0.1:8080 selected", "10.0.1.1:8080 selected"}},
      {"two slices that overlap: each endpoint counts once",
       {MakeSlice("a", {Ready("10.0.0.1"), Ready("10.0.0.2")}), MakeSlice("b", {Ready("10.0.0.2"), Ready("10.0.0.3")})},
       {"10.0.0.1:8080 selected", "10.0.0.2:8080 selected", "10.0.0.2:8080 duplicate", "10.0.0.3:8080 selected"}},
      {"unready in one of two slices: the ready entry stands",
       {MakeSlice("a", {NotReady("10.0.0.1")}), MakeSlice("b", {Ready("10.0.0.1")})},
       {"10.0.0.1:8080 duplicate", "10.0.0.1:8080 selected"}},
      {"unready in both",
       {MakeSlice("a", {NotReady("10.0.0.1")}), MakeSlice("b", {NotReady("10.0.0.1")})},
       {"10.0.0.1:8080 not_ready", "10.0.0.1:8080 duplicate"}},
      {"one address with two numbers (named port during a rollout) is two endpoints",
       {MakeSlice("a", {Ready("10.0.0.1")}),
        WithPort(MakeSlice("b", {Ready("10.0.0.1")}), {{"", model::Protocol::kTcp, 9090}})},
       {"10.0.0.1:8080 selected", "10.0.0.1:9090 selected"}},
      {"the same address twice in one slice",
       {MakeSlice("a", {Ready("10.0.0.1"), Ready("10.0.0.1")})},
       {"10.0.0.1:8080 selected", "10.0.0.1:8080 duplicate"}},
      {"addresses in two spellings are one",
       {MakeSlice("a", {Ready("10.0.0.1")}), MakeSlice("b", {Ready("010.0.0.01")})},
       {"10.0.0.1:8080 selected", "10.0.0.1:8080 duplicate"}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    EXPECT_EQ(Verdicts(MakeService(), row.slices), row.expected);
  }
}

TEST(DuplicateTest, TheRuleHoldsInEveryOrder) {
  const auto slice = [](std::string name, std::string uid, model::Endpoint endpoint) {
    model::EndpointSlice made = MakeSlice(std::move(name), {std::move(endpoint)});
    made.uid = std::move(uid);
    return made;
  };
  const struct {
    const char* sentence;
    model::EndpointSlice first;
    model::EndpointSlice second;
    const char* winner;
  } kRows[] = {
      {"a running pod beats a terminating one that had the address before",
       slice("a", "1", Terminating("10.0.0.1", "here")), slice("b", "2", Ready("10.0.0.1", "there")), "b"},
      {"not terminating wins even if it is not ready", slice("a", "1", Terminating("10.0.0.1", "here")),
       slice("b", "2", NotReady("10.0.0.1", "there")), "b"},
      {"of two running ones the local one", slice("a", "1", Ready("10.0.0.1", "there")),
       slice("b", "2", Ready("10.0.0.1", "here")), "b"},
      {"of two terminating ones the local one", slice("a", "1", Terminating("10.0.0.1", "there")),
       slice("b", "2", Terminating("10.0.0.1", "here")), "b"},
      {"of two on this node the ready one", slice("a", "1", NotReady("10.0.0.1", "here")),
       slice("b", "2", Ready("10.0.0.1", "here")), "b"},
      {"else the lowest UID, whatever the names", slice("a", "2", Ready("10.0.0.1")),
       slice("b", "1", Ready("10.0.0.1")), "b"},
      {"without UIDs the first name", slice("a", "", Ready("10.0.0.1")), slice("b", "", Ready("10.0.0.1")), "a"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    for (const auto& slices : {std::vector{row.first, row.second}, std::vector{row.second, row.first}}) {
      const model::PortPlan port = Plan(MakeService(), slices).ports[0];
      ASSERT_EQ(port.endpoints.size(), 2u);
      for (const model::PlannedEndpoint& endpoint : port.endpoints) {
        EXPECT_EQ(endpoint.cluster_verdict == V::kDuplicate, endpoint.slice_name != row.winner) << endpoint.slice_name;
        EXPECT_EQ(endpoint.local_verdict == V::kDuplicate, endpoint.slice_name != row.winner) << endpoint.slice_name;
      }
      EXPECT_LE(port.pools[0].members.size(), 1u);
    }
  }
}

TEST(DuplicateTest, ARefusedAddressWinsNothing) {
  const Texts verdicts = Verdicts(
      MakeService(), {MakeSlice("a", {Ready("127.0.0.1", "here")}), MakeSlice("b", {Ready("127.0.0.1", "here")})});
  EXPECT_EQ(verdicts, (Texts{"127.0.0.1:8080 forbidden_address", "127.0.0.1:8080 forbidden_address"}));
}

TEST(PortMatchTest, NameAndProtocolDecideAndTheSliceHasTheNumber) {
  model::Service service = MakeService();
  service.ports = {{"http", model::Protocol::kTcp, 80, 0},
                   {"https", model::Protocol::kTcp, 443, 0},
                   {"dns", model::Protocol::kTcp, 53, 0},
                   {"dns-udp", model::Protocol::kUdp, 53, 0}};
  const auto ports = [](std::vector<model::EndpointPort> list) {
    return WithPort(MakeSlice("a", {Ready("10.0.0.1")}), std::move(list));
  };
  const struct {
    const char* sentence;
    model::EndpointSlice slice;
    std::vector<Texts> expected;  // by Service port
  } kRows[] = {
      {"each port its number",
       ports({{"http", model::Protocol::kTcp, 8080}, {"https", model::Protocol::kTcp, 8443}}),
       {{"10.0.0.1:8080 selected"}, {"10.0.0.1:8443 selected"}, {"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}}},
      {"the number of the Service's port means nothing",
       ports({{"other", model::Protocol::kTcp, 80}}),
       {{"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}}},
      {"a port of the right name and the wrong protocol is another port",
       ports({{"http", model::Protocol::kUdp, 8080}}),
       {{"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}}},
      {"a port without a name field is skipped",
       ports({{std::nullopt, model::Protocol::kTcp, 8080}}),
       {{"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}}},
      {"a port without a number is skipped",
       ports({{"http", model::Protocol::kTcp, std::nullopt}, {"https", model::Protocol::kTcp, uint16_t{0}}}),
       {{"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}}},
      {"a slice without ports gives none",
       ports({}),
       {{"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}, {"10.0.0.1:0 no_port"}}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    const model::ServicePlan plan = Plan(service, {row.slice});
    ASSERT_EQ(plan.ports.size(), 4u);
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ(ClusterVerdicts(plan.ports[i]), row.expected[i]) << "port " << i;
  }
}

TEST(PortMatchTest, TheEmptyNameIsAName) {
  EXPECT_EQ(Verdicts(MakeService(), {WithPort(MakeSlice("a", {Ready("10.0.0.1")}),
                                              {{std::string("http"), model::Protocol::kTcp, 8080}})}),
            (Texts{"10.0.0.1:0 no_port"}));
}

TEST(PortMatchTest, HintsOfEndpointsWithoutThePortDoNotCount) {
  // The second slice has no port "": its unhinted endpoint must not disable the hints of the first.
  const std::vector<model::EndpointSlice> slices = {
      MakeSlice("a", {InZones(Ready("10.0.0.1"), {"a"}), InZones(Ready("10.0.0.2"), {"b"})}),
      WithPort(MakeSlice("b", {Ready("10.0.0.3")}), {{std::string("other"), model::Protocol::kTcp, 1}})};
  EXPECT_EQ(Verdicts(MakeService(), slices),
            (Texts{"10.0.0.1:8080 selected", "10.0.0.2:8080 other_zone", "10.0.0.3:0 no_port"}));
}

model::EndpointSlice OfType(model::AddressType type, std::vector<model::Endpoint> endpoints) {
  model::EndpointSlice slice = MakeSlice("s", std::move(endpoints));
  slice.address_type = type;
  return slice;
}

TEST(FamilyTest, EachFamilyHasItsOwnSlices) {
  model::Service service = MakeService();
  service.cluster_ips = {"10.96.0.1", "fd00:96::1"};
  model::EndpointSlice v6 = OfType(model::AddressType::kIpv6, {Ready("fd00::1")});
  v6.name.name = "s6";
  const model::ServicePlan plan =
      Plan(service, {v6, OfType(model::AddressType::kIpv4, {InZones(Ready("10.0.0.1"), {"a"})})});
  ASSERT_EQ(plan.ports.size(), 2u);
  EXPECT_EQ(plan.ports[0].family, model::IpFamily::kV4);
  EXPECT_EQ(ClusterVerdicts(plan.ports[0]), (Texts{"10.0.0.1:8080 selected"}));
  EXPECT_EQ(plan.ports[1].family, model::IpFamily::kV6);
  EXPECT_EQ(ClusterVerdicts(plan.ports[1]), (Texts{"[fd00::1]:8080 selected"}));
}

TEST(FamilyTest, AFamilyWithoutEndpointsRefusesWhateverTheOtherHas) {
  model::Service service = MakeService();
  service.cluster_ips = {"10.96.0.1", "fd00:96::1"};
  const model::ServicePlan plan = Plan(service, {OfType(model::AddressType::kIpv4, {Ready("10.0.0.1")})});
  EXPECT_TRUE(plan.ports[1].pools[0].slots.empty());
  EXPECT_EQ(plan.ports[1].pools[0].empty, model::EmptyPool::kNoEndpoints);
}

TEST(FamilyTest, FqdnSlicesAreIgnoredWithAWarning) {
  const model::ServicePlan plan = Plan(MakeService(), {OfType(model::AddressType::kFqdn, {Ready("db.example.com")})});
  EXPECT_TRUE(plan.ports[0].endpoints.empty());
  EXPECT_EQ(plan.warnings, (Texts{"EndpointSlice s: address type FQDN is not served"}));
}

TEST(HostileSliceTest, EveryForbiddenClassIsRefused) {
  const struct {
    model::AddressType type;
    const char* text;
    V verdict;
  } kRows[] = {
      {model::AddressType::kIpv4, "127.0.0.1", V::kForbiddenAddress},
      {model::AddressType::kIpv4, "127.255.255.254", V::kForbiddenAddress},
      {model::AddressType::kIpv4, "0127.0.0.1", V::kForbiddenAddress},
      {model::AddressType::kIpv4, "169.254.169.254", V::kForbiddenAddress},
      {model::AddressType::kIpv4, "0.0.0.0", V::kForbiddenAddress},
      {model::AddressType::kIpv4, "224.0.0.1", V::kForbiddenAddress},
      {model::AddressType::kIpv4, "::ffff:127.0.0.1", V::kForbiddenAddress},
      {model::AddressType::kIpv6, "::1", V::kForbiddenAddress},
      {model::AddressType::kIpv6, "::", V::kForbiddenAddress},
      {model::AddressType::kIpv6, "fe80::1", V::kForbiddenAddress},
      {model::AddressType::kIpv6, "ff02::1", V::kForbiddenAddress},
      {model::AddressType::kIpv6, "ff12::1", V::kForbiddenAddress},
      {model::AddressType::kIpv6, "::ffff:10.0.0.1", V::kBadAddress},
      {model::AddressType::kIpv6, "::ffff:127.0.0.1", V::kBadAddress},
      {model::AddressType::kIpv6, "::ffff:a00:1", V::kBadAddress},
      {model::AddressType::kIpv4, "fd00::1", V::kBadAddress},
      {model::AddressType::kIpv6, "10.0.0.1", V::kBadAddress},
      {model::AddressType::kIpv4, "", V::kBadAddress},
      {model::AddressType::kIpv4, "web-0.example.com", V::kBadAddress},
      {model::AddressType::kIpv4, "10.0.0.1:80", V::kBadAddress},
      {model::AddressType::kIpv6, "fe80::1%eth0", V::kBadAddress},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(testing::Message() << '"' << row.text << '"');
    model::Service service = MakeService();
    service.cluster_ips = {row.type == model::AddressType::kIpv4 ? "10.96.0.1" : "fd00:96::1"};
    service.external_traffic_policy = model::TrafficPolicy::kLocal;
    service.ports[0].node_port = 30080;
    const model::ServicePlan plan = Plan(service, {OfType(row.type, {Ready(row.text, "here")})});
    const model::PlannedEndpoint& endpoint = plan.ports[0].endpoints.at(0);
    EXPECT_EQ(endpoint.cluster_verdict, row.verdict);
    EXPECT_EQ(endpoint.local_verdict, row.verdict);
    EXPECT_EQ(endpoint.address_text, row.text);
    for (const model::Pool& pool : plan.ports[0].pools) {
      EXPECT_TRUE(pool.members.empty());
      EXPECT_EQ(pool.empty, model::EmptyPool::kNoEndpoints);
    }
  }
}

// The API server accepts these, and clouds use the first two for pods.
TEST(AddressTest, WhatTheApiAcceptsIsServed) {
  const struct {
    model::AddressType type;
    const char* text;
    const char* selected;
  } kRows[] = {
      {model::AddressType::kIpv4, "240.0.0.1", "240.0.0.1"},
      {model::AddressType::kIpv4, "255.255.255.254", "255.255.255.254"},
      {model::AddressType::kIpv4, "224.0.1.1", "224.0.1.1"},
      {model::AddressType::kIpv4, "::ffff:10.0.0.1", "10.0.0.1"},
      {model::AddressType::kIpv4, "0.0.0.1", "0.0.0.1"},
      {model::AddressType::kIpv4, "100.64.0.1", "100.64.0.1"},
      {model::AddressType::kIpv6, "ff05::2", "ff05::2"},
      {model::AddressType::kIpv6, "fec0::1", "fec0::1"},
      {model::AddressType::kIpv6, "64:ff9b::1", "64:ff9b::1"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.text);
    model::Service service = MakeService();
    service.cluster_ips = {row.type == model::AddressType::kIpv4 ? "240.96.0.1" : "fd00:96::1"};
    const model::ServicePlan plan = Plan(service, {OfType(row.type, {Ready(row.text)})});
    EXPECT_EQ(Selected(plan.ports[0].pools[0]), (Texts{row.selected}));
    EXPECT_EQ(plan.warnings, Texts{});
  }
}

TEST(HostileSliceTest, AnEndpointWithoutAnAddressIsShownAndSkipped) {
  model::EndpointSlice slice = MakeSlice("s", {model::Endpoint(), Ready("10.0.0.1")});
  const model::PortPlan port = Plan(MakeService(), {slice}).ports[0];
  ASSERT_EQ(port.endpoints.size(), 2u);
  EXPECT_EQ(port.endpoints[0].cluster_verdict, V::kBadAddress);
  EXPECT_EQ(port.endpoints[0].address_text, "");
  EXPECT_EQ(Selected(port.pools[0]), (Texts{"10.0.0.1"}));
}

// An ingress in the host's network whose externalIPs are its nodes' addresses; a socket is translated once.
TEST(OwnFrontendTest, AnEndpointMayBeAFrontendOfItsService) {
  model::Service service = MakeService();
  service.type = model::ServiceType::kLoadBalancer;
  service.ports = {{"a", model::Protocol::kTcp, 80, 30080}, {"b", model::Protocol::kTcp, 8080, 0}};
  service.load_balancer_ingress = {{"198.51.100.1", ""}};
  service.external_ips = {"203.0.113.1", "192.168.0.1"};
  for (const char* address : {"198.51.100.1", "203.0.113.1", "192.168.0.1", "10.96.0.1", "10.96.0.2"}) {
    SCOPED_TRACE(address);
    model::EndpointSlice slice = MakeSlice("s", {Ready(address), Ready("10.0.0.1", "here")});
    slice.ports = {{std::string("a"), model::Protocol::kTcp, 80}, {std::string("b"), model::Protocol::kTcp, 8080}};
    const model::ServicePlan plan = Plan(service, {slice});
    EXPECT_THAT(Selected(plan.ports[0].pools[0]), testing::Contains(address));
    EXPECT_THAT(Selected(plan.ports[1].pools[0]), testing::Contains(address));
    EXPECT_EQ(plan.warnings, Texts{});
  }
}

TEST(SliceLabelTest, OnlyHeadlessKeepsASliceAway) {
  model::EndpointSlice slice = MakeSlice("s", {Ready("10.0.0.1")});
  slice.labels["service.kubernetes.io/service-proxy-name"] = "";
  EXPECT_EQ(Verdicts(MakeService(), {slice}), (Texts{"10.0.0.1:8080 selected"}))
      << "its Service may have lost the label a moment ago";
  slice.labels["service.kubernetes.io/headless"] = "";
  EXPECT_EQ(Verdicts(MakeService(), {slice}), Texts{});
}

TEST(MirroredSliceTest, HandWrittenAndMirroredSlicesAreSlices) {
  model::EndpointSlice slice = MakeSlice("s", {Ready("203.0.113.9", "")});
  slice.labels["endpointslice.kubernetes.io/managed-by"] = "endpointslicemirroring-controller.k8s.io";
  EXPECT_EQ(Verdicts(MakeService(), {slice}), (Texts{"203.0.113.9:8080 selected"}));
}

}  // namespace
}  // namespace shunt::planner
