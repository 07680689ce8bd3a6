// SPDX-License-Identifier: Apache-2.0
// The plan as a whole: members that keep flows, the cap, health checks, determinism.
#include "userspace/planner/planner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/seeds.h"
#include "userspace/planner/testing/test_objects.h"
#include "userspace/planner/warnings.h"

namespace shunt::planner {
namespace {

using V = model::EndpointVerdict;

model::Service ExternalLocal() {
  model::Service service = MakeService();
  service.type = model::ServiceType::kLoadBalancer;
  service.external_traffic_policy = model::TrafficPolicy::kLocal;
  service.ports[0].node_port = 30080;
  service.health_check_node_port = 32000;
  return service;
}

TEST(PoolMembersTest, WhoeverServesKeepsItsFlowsInBothPools) {
  const std::vector<model::EndpointSlice> slices = {
      MakeSlice("s", {InZones(Ready("10.0.0.1", "here"), {"a"}), InZones(Ready("10.0.0.2", "there"), {"b"}),
                      Terminating("10.0.0.3", "here"), Terminating("10.0.0.4", "there"), Stopped("10.0.0.5", "here"),
                      NotReady("10.0.0.6", "there"), Conditions("10.0.0.7", "there", false, true, false),
                      Conditions("10.0.0.8", "there", true, false, false), Ready("127.0.0.1"), Ready("169.254.0.1")})};
  model::Service service = ExternalLocal();
  service.ports[0].port = 8080;
  model::EndpointSlice hinted = slices[0];
  hinted.endpoints[7].hint_zones = {"b"};
  const model::PortPlan port = Plan(service, {hinted}).ports[0];
  const model::Pool& cluster = *PoolOf(port, model::PoolScope::kCluster);
  EXPECT_EQ(Selected(cluster), (Texts{"10.0.0.1"}));
  EXPECT_EQ(Kept(cluster), (Texts{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.7", "10.0.0.8"}));
  const model::Pool& local = *PoolOf(port, model::PoolScope::kLocal);
  EXPECT_EQ(Selected(local), (Texts{"10.0.0.1"}));
  EXPECT_EQ(Kept(local), (Texts{"10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.7", "10.0.0.8"}));
}

TEST(PoolMembersTest, MembersAreOrderedByBackendAndSlotsFollowThem) {
  const model::PortPlan port = Plan(MakeService(), {MakeSlice("b", {Ready("10.0.0.9"), Terminating("10.0.0.2")}),
                                                    MakeSlice("a", {Ready("10.0.0.10"), Ready("9.0.0.1")})})
                                   .ports[0];
  const model::Pool& pool = port.pools[0];
  EXPECT_TRUE(std::is_sorted(pool.members.begin(), pool.members.end(),
                             [](const auto& a, const auto& b) { return a.backend < b.backend; }));
  ASSERT_EQ(pool.slots.size(), pool.members.size());
  for (uint32_t i = 0; i < pool.slots.size(); ++i) EXPECT_EQ(pool.slots[i].member, i);
}

TEST(PoolMembersTest, PoolsAreOnlyThoseThatAFrontendUses) {
  for (const bool internal_local : {false, true}) {
    for (const bool external_local : {false, true}) {
      for (const uint16_t node_port : {0, 30080}) {
        SCOPED_TRACE(testing::Message() << internal_local << external_local << node_port);
        model::Service service = MakeService();
        service.ports[0].node_port = node_port;
        if (internal_local) service.internal_traffic_policy = model::TrafficPolicy::kLocal;
        if (external_local) service.external_traffic_policy = model::TrafficPolicy::kLocal;
        const model::PortPlan port = Plan(service, {MakeSlice("s", {Ready("10.0.0.1")})}).ports[0];
        std::vector<bool> used(port.pools.size(), false);
        for (const model::Frontend& frontend : port.frontends) {
          ASSERT_LT(frontend.internal_pool, used.size());
          ASSERT_LT(frontend.external_pool, used.size());
          used[frontend.internal_pool] = used[frontend.external_pool] = true;
        }
        EXPECT_EQ(std::count(used.begin(), used.end(), true), static_cast<ptrdiff_t>(port.pools.size()));
      }
    }
  }
}

TEST(EndpointsMaxTest, TheCapTakesTheLowestBackendsAndKeepersGiveWayFirst) {
  const std::vector<model::EndpointSlice> slices = {MakeSlice(
      "s",
      {Terminating("10.0.0.1"), Terminating("10.0.0.2"), Ready("10.0.0.3"), Ready("10.0.0.4"), Ready("10.0.0.5")})};
  const struct {
    const char* sentence;
    uint32_t endpoints_max;
    Texts selected;
    Texts kept;
    Texts too_many;
  } kRows[] = {
      {"room for all", 5, {"10.0.0.3", "10.0.0.4", "10.0.0.5"}, {"10.0.0.1", "10.0.0.2"}, {}},
      {"one flow keeper gives way", 4, {"10.0.0.3", "10.0.0.4", "10.0.0.5"}, {"10.0.0.1"}, {}},
      {"both give way", 3, {"10.0.0.3", "10.0.0.4", "10.0.0.5"}, {}, {}},
      {"then selected ones", 2, {"10.0.0.3", "10.0.0.4"}, {}, {"10.0.0.5"}},
      {"no room at all", 0, {}, {}, {"10.0.0.3", "10.0.0.4", "10.0.0.5"}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    const model::PortPlan port = Plan(MakeService(), slices, Here(), {row.endpoints_max}).ports[0];
    EXPECT_EQ(Selected(port.pools[0]), row.selected);
    EXPECT_EQ(Kept(port.pools[0]), row.kept);
    Texts too_many;
    for (const model::PlannedEndpoint& endpoint : port.endpoints) {
      if (endpoint.cluster_verdict == V::kTooMany) too_many.emplace_back(endpoint.address_text.view());
    }
    EXPECT_EQ(too_many, row.too_many);
  }
}

// One object of 1.5 MB must not become gigabytes of plan.
TEST(SizeTest, OneServiceCannotStarveTheOthers) {
  model::Service service = ExternalLocal();
  service.ports.clear();
  for (uint16_t i = 0; i < 2000; ++i) {
    service.ports.push_back({"p" + std::to_string(i), model::Protocol::kTcp, static_cast<uint16_t>(1 + i), 0});
  }
  for (int i = 0; i < 2000; ++i) {
    service.external_ips.push_back(model::IpAddress::FromV4(0xcb007100 + i).ToString());
    service.load_balancer_source_ranges.push_back(model::IpAddress::FromV4(0x0b000000 + i).ToString() + "/32");
  }
  service.load_balancer_ingress = {{"198.51.100.1", ""}};
  model::EndpointSlice slice = MakeSlice("s", {});
  for (int i = 0; i < 1000; ++i) slice.endpoints.push_back(Ready(model::IpAddress::FromV4(0x0a000000 + i).ToString()));

  PlannerOptions options;
  options.rows_max = 100'000;
  options.frontends_max = 100'000;
  const model::ServicePlan plan = Plan(service, {slice}, Here(), options);
  size_t rows = 0;
  for (const model::PortPlan& port : plan.ports) {
    EXPECT_EQ(port.frontends.size(), 2 + options.addresses_max - 1);
    rows += port.pools.size() * port.endpoints.size() + port.frontends.size();
    for (const model::Frontend& frontend : port.frontends) rows += frontend.source_ranges.size();
  }
  EXPECT_LE(rows, options.rows_max);
  EXPECT_GT(rows, options.rows_max - 4100);
  EXPECT_EQ(plan.warnings.size(), Warnings::kMax + 1);

  service.external_ips.clear();
  service.load_balancer_source_ranges.clear();
  options.rows_max = 10'000'000;
  const model::ServicePlan many_ports = Plan(service, {}, Here(), options);
  EXPECT_EQ(many_ports.ports.size(), options.ports_max);
  EXPECT_EQ(many_ports.warnings, (Texts{"more than 512 ports: the others are not served"}));
}

TEST(SizeTest, AnEndpointCountsInEachPoolOfItsPort) {
  model::EndpointSlice slice = MakeSlice("s", {});
  for (int i = 0; i < 10; ++i) slice.endpoints.push_back(Ready(model::IpAddress::FromV4(0x0a000000 + i).ToString()));
  model::Service service = MakeService();
  service.type = model::ServiceType::kNodePort;
  service.ports = {{"a", model::Protocol::kTcp, 80, 30080}, {"b", model::Protocol::kTcp, 81, 30081}};
  PlannerOptions options;
  options.endpoints_max = 10;
  options.rows_max = 2 * (2 + 4 + 10);  // frontends, a slice and its endpoints
  EXPECT_EQ(Plan(service, {slice}, Here(), options).ports.size(), 2u);
  service.external_traffic_policy = model::TrafficPolicy::kLocal;
  EXPECT_EQ(Plan(service, {slice}, Here(), options).ports.size(), 1u);
  options.rows_max = 2 * (2 + 4 + 2 * 10);
  EXPECT_EQ(Plan(service, {slice}, Here(), options).ports.size(), 2u);
}

TEST(SizeTest, AddressesTimesPortsAreBounded) {
  model::Service service = MakeService();
  for (uint16_t i = 1001; i < 1512; ++i) {
    service.ports.push_back({"p" + std::to_string(i), model::Protocol::kTcp, i, 0});
  }
  for (int i = 0; i < 255; ++i) service.external_ips.push_back(model::IpAddress::FromV4(0xcb007100 + i).ToString());
  PlannerOptions options;
  const model::ServicePlan plan = Plan(service, {}, Here(), options);
  size_t frontends = 0;
  for (const model::PortPlan& port : plan.ports) frontends += port.frontends.size();
  EXPECT_EQ(frontends, options.frontends_max);
  EXPECT_EQ(plan.warnings[0], "port 1016/TCP, IPv4: with it the Service has more than 4096 frontends: not served");
}

PlannerOptions WithRows(uint32_t rows_max) {
  PlannerOptions options;
  options.rows_max = options.endpoints_max = rows_max;
  return options;
}

TEST(SizeTest, SlicesBeyondTheBoundAreNotServedOnAnyPort) {
  const PlannerOptions options = WithRows(12);
  const std::vector<model::EndpointSlice> slices = {MakeSlice("a", {Ready("10.0.0.1"), Ready("10.0.0.2")}),
                                                    MakeSlice("b", {}), MakeSlice("c", {Ready("10.0.0.3")})};
  const model::ServicePlan plan = Plan(MakeService(), slices, Here(), options);
  EXPECT_EQ(Selected(plan.ports[0].pools[0]), (Texts{"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(plan.warnings,
            (Texts{"IPv4: 1 EndpointSlice with 1 endpoint, the first c, not served: they do not fit into "
                   "11 rows, of which an endpoint takes one in each pool of a port and an EndpointSlice "
                   "4"}));
}

TEST(SizeTest, TheStoreMayLeaveOutSlicesThatThePlanWouldLeaveOut) {
  const PlannerOptions options = WithRows(12);
  ASSERT_EQ(SlicesMax(options), 12u / 4 + 1);
  std::vector<model::EndpointSlice> slices;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) slices.push_back(MakeSlice(name, {}));
  const model::ServicePlan all = Plan(MakeService(), slices, Here(), options);
  EXPECT_EQ(all.warnings[0], "more than 3 EndpointSlices: those after them by name are not served");
  slices.resize(SlicesMax(options));
  EXPECT_EQ(Plan(MakeService(), slices, Here(), options), all);
  for (model::EndpointSlice& slice : slices) slice.address_type = model::AddressType::kIpv6;
  EXPECT_EQ(Plan(MakeService(), slices, Here(), options).warnings,
            (Texts{"more than 3 EndpointSlices: those after them by name are not served"}))
      << "also if this family of them is not served";
}

// 10.0.0.1 and so on, or fd00::1 and so on, `each` in a slice.
std::vector<model::EndpointSlice> SlicesOf(model::IpFamily family, int slices, int each) {
  std::vector<model::EndpointSlice> all;
  const bool v4 = family == model::IpFamily::kV4;
  for (int i = 0; i < slices; ++i) {
    model::EndpointSlice slice = MakeSlice((v4 ? "v4-" : "v6-") + std::to_string(100 + i), {});
    if (!v4) slice.address_type = model::AddressType::kIpv6;
    for (int j = 1; j <= each; ++j) {
      slice.endpoints.push_back(Ready((v4 ? "10.0.0." : "fd00::") + std::to_string(i * each + j)));
    }
    all.push_back(std::move(slice));
  }
  return all;
}

model::Service DualStack() {
  model::Service service = MakeService();
  service.cluster_ips = {"10.96.0.1", "fd00:96::1"};
  return service;
}

TEST(SizeTest, NoFamilyTakesTheOtherOnesRowsAndNoneLeavesAnyUnused) {
  const struct {
    int v4, v6;  // slices of six endpoints, which are ten rows
    size_t v4_served, v6_served;
  } cases[] = {{4, 4, 24, 24}, {9, 9, 24, 24}, {9, 2, 36, 12}, {2, 9, 12, 36}, {9, 0, 48, 0}};
  for (const auto& c : cases) {
    std::vector<model::EndpointSlice> slices = SlicesOf(model::IpFamily::kV4, c.v4, 6);
    for (model::EndpointSlice& slice : SlicesOf(model::IpFamily::kV6, c.v6, 6)) slices.push_back(std::move(slice));
    const model::ServicePlan plan = Plan(DualStack(), slices, Here(), WithRows(82));  // and two frontends
    ASSERT_EQ(plan.ports.size(), 2u) << c.v4 << " and " << c.v6;
    EXPECT_EQ(plan.ports[0].endpoints.size(), c.v4_served) << c.v4 << " and " << c.v6;
    EXPECT_EQ(plan.ports[1].endpoints.size(), c.v6_served) << c.v4 << " and " << c.v6;
    EXPECT_EQ(plan.warnings.size(), size_t{6u * c.v4 > c.v4_served} + size_t{6u * c.v6 > c.v6_served});
  }
}

TEST(SizeTest, TheFirstPortIsBoundedWithBothOfItsPools) {
  model::Service service = MakeService();
  service.type = model::ServiceType::kNodePort;
  service.external_traffic_policy = model::TrafficPolicy::kLocal;
  service.ports[0].node_port = 30080;
  const model::ServicePlan plan = Plan(service, SlicesOf(model::IpFamily::kV4, 9, 6), Here(), WithRows(2 + 3 * 16));
  ASSERT_EQ(plan.ports.size(), 1u);
  EXPECT_EQ(plan.ports[0].pools.size(), 2u);
  EXPECT_EQ(plan.ports[0].endpoints.size(), 18u) << "three slices, each 4 rows and 6 endpoints in two pools";
}

TEST(SizeTest, TheLargestServiceIsAsLargeAsTheOperatorIsTold) {
  std::vector<model::EndpointSlice> slices;
  for (int i = 0; i < 500; ++i) {
    slices.push_back(MakeSlice("s" + std::to_string(100'000 + i), {}));
    for (int j = 0; j < 100; ++j) {
      slices[i].endpoints.push_back(Ready(model::IpAddress::FromV4(0x0a000000 + 100 * i + j).ToString()));
    }
  }
  model::Service service = MakeService();
  EXPECT_EQ(Plan(service, slices).ports[0].endpoints.size(), 48'000u) << "docs/operations.md says so";
  service.type = model::ServiceType::kNodePort;
  service.external_traffic_policy = model::TrafficPolicy::kLocal;
  service.ports[0].node_port = 30080;
  EXPECT_EQ(Plan(service, slices).ports[0].endpoints.size(), 24'500u) << "docs/operations.md says so";
}

TEST(SizeTest, SlicesWithEndpointsOfThisNodeAreKeptFirst) {
  std::vector<model::EndpointSlice> slices = SlicesOf(model::IpFamily::kV4, 5, 6);
  slices[3].endpoints[5].node_name = Here().node_name;
  const model::ServicePlan plan = Plan(MakeService(), slices, Here(), WithRows(1 + 2 * 10));
  std::vector<std::string> names;
  for (const model::PlannedEndpoint& endpoint : plan.ports[0].endpoints) {
    if (names.empty() || names.back() != endpoint.slice_name.view()) names.emplace_back(endpoint.slice_name.view());
  }
  EXPECT_EQ(names, (Texts{"v4-100", "v4-103"}));
  EXPECT_EQ(plan.warnings.size(), 1u);
  EXPECT_EQ(plan.warnings[0].substr(0, 70), "IPv4: 3 EndpointSlices with 18 endpoints, the first v4-101, not served")
      << "by name";
}

TEST(SizeTest, APortIsRefusedInOneFamilyAndASmallerOneAfterItIsServed) {
  model::Service service = DualStack();
  service.type = model::ServiceType::kNodePort;
  service.external_traffic_policy = model::TrafficPolicy::kLocal;
  service.ports = {
      {"", model::Protocol::kTcp, 80, 0}, {"b", model::Protocol::kTcp, 81, 30081}, {"c", model::Protocol::kTcp, 82, 0}};
  std::vector<model::EndpointSlice> slices = SlicesOf(model::IpFamily::kV4, 1, 10);
  slices.push_back(SlicesOf(model::IpFamily::kV6, 1, 2)[0]);
  // The first port has 15 and 7 rows, the second would have 26 and 10, and the third 15 and 7.
  const model::ServicePlan plan = Plan(service, slices, Here(), WithRows(15 + 7 + 10 + 15));
  Texts served;
  for (const model::PortPlan& port : plan.ports) {
    served.push_back(std::to_string(port.port) + (port.family == model::IpFamily::kV4 ? " IPv4" : " IPv6"));
  }
  EXPECT_EQ(served, (Texts{"80 IPv4", "80 IPv6", "81 IPv6", "82 IPv4"}));
}

TEST(UdpIdleTest, IsTheSettingForUdpPortsAlone) {
  model::Service service = MakeService();
  service.ports = {{"tcp", model::Protocol::kTcp, 53, 0}, {"udp", model::Protocol::kUdp, 53, 0}};
  PlannerOptions options;
  options.udp_idle_s = 7;
  const model::ServicePlan plan = Plan(service, {}, Here(), options);
  ASSERT_EQ(plan.ports.size(), 2u);
  EXPECT_EQ(plan.ports[0].udp_idle_s, 0u);
  EXPECT_EQ(plan.ports[1].udp_idle_s, 7u);
  EXPECT_EQ(Plan(service, {}).ports[1].udp_idle_s, 120u);
}

TEST(SizeTest, TheFirstPortIsServedWhateverElseThereIs) {
  model::Service service = MakeService();
  service.ports.push_back({"b", model::Protocol::kTcp, 81, 0});
  const model::ServicePlan plan =
      Plan(service, {MakeSlice("s", {Ready("10.0.0.1"), Ready("10.0.0.2")})}, Here(), WithRows(7));
  ASSERT_EQ(plan.ports.size(), 1u);
  EXPECT_EQ(Selected(plan.ports[0].pools[0]), (Texts{"10.0.0.1", "10.0.0.2"}));
  EXPECT_EQ(plan.warnings,
            (Texts{"port 81/TCP, IPv4: with it the Service has more than 7 rows of endpoints, EndpointSlices (4 each), "
                   "frontends and source ranges on all ports: not served"}));
}

// Returns a slice of IPv6 addresses.
model::EndpointSlice MakeSlice6(std::string name, std::vector<model::Endpoint> endpoints) {
  model::EndpointSlice slice = MakeSlice(std::move(name), std::move(endpoints));
  slice.address_type = model::AddressType::kIpv6;
  return slice;
}

TEST(OtherFamilyTest, EndpointsOfAFamilyThatTheServiceLacksAreWarnedOf) {
  const std::vector<model::EndpointSlice> slices = {MakeSlice("v4", {Ready("10.0.0.1")}),
                                                    MakeSlice6("v6-a", {Ready("fd00::1")}),
                                                    MakeSlice6("v6-b", {Ready("fd00::2"), Ready("fd00::3")})};
  model::Service service = MakeService();
  EXPECT_EQ(Plan(service, slices).warnings,
            (Texts{"IPv6: 2 EndpointSlices with 3 endpoints, the first v6-a, not served: the Service has no IPv6 "
                   "ClusterIP; give it one, or remove what is of this family"}));
  service.cluster_ips = {"fd00:96::1"};
  EXPECT_EQ(Plan(service, slices).warnings,
            (Texts{"IPv4: 1 EndpointSlice with 1 endpoint, the first v4, not served: the Service has no IPv4 "
                   "ClusterIP; give it one, or remove what is of this family"}));
  service.cluster_ips = {"10.96.0.1", "fd00:96::1"};
  EXPECT_EQ(Plan(service, slices).warnings, Texts());
}

TEST(PlanTest, SaysWhichTypeAndClusterIpsWereUnderstood) {
  model::Service service = MakeService();
  service.type = model::ServiceType::kNodePort;
  service.cluster_ips = {"fd00:96::1", "10.96.0.1", "10.96.0.2", "fd00:96::1", "nonsense"};
  const model::ServicePlan plan = Plan(service, {});
  EXPECT_EQ(plan.type, model::ServiceType::kNodePort);
  EXPECT_THAT(plan.cluster_ips, testing::ElementsAre(Address("fd00:96::1"), Address("10.96.0.1")));
  EXPECT_FALSE(plan.headless);
  service.cluster_ips = {"None"};
  EXPECT_TRUE(Plan(service, {}).headless);
  EXPECT_TRUE(Plan(service, {}).cluster_ips.empty());
  service.type = model::ServiceType::kExternalName;
  EXPECT_EQ(Plan(service, {}).type, model::ServiceType::kExternalName);
  EXPECT_FALSE(Plan(service, {}).headless);
}

TEST(OtherFamilyTest, NothingIsSaidOfSlicesByWhichNothingIsLost) {
  EXPECT_EQ(Plan(MakeService(), {MakeSlice6("empty", {})}).warnings, Texts());
  model::EndpointSlice headless = MakeSlice6("headless", {Ready("fd00::1")});
  headless.labels["service.kubernetes.io/headless"] = "";
  EXPECT_EQ(Plan(MakeService(), {headless}).warnings, Texts()) << "left out by its label";
  model::Service unreadable = MakeService();
  unreadable.cluster_ips = {"10.96.0.1.2"};
  EXPECT_EQ(Plan(unreadable, {MakeSlice6("v6", {Ready("fd00::1")})}).warnings,
            (Texts{"clusterIPs: \"10.96.0.1.2\" is not an IP address: not served"}));
}

TEST(HealthCheckTest, CountsReadyEndpointsOfThisNodeByAddress) {
  model::Service service = ExternalLocal();
  service.ports.push_back({"b", model::Protocol::kTcp, 443, 0});
  model::EndpointSlice slice =
      MakeSlice("s", {Ready("10.0.0.1", "here"), Ready("10.0.0.2", "here"), Ready("10.0.0.3", "there"),
                      NotReady("10.0.0.4", "here"), Terminating("10.0.0.5", "here"), Ready("127.0.0.1", "here")});
  slice.ports.push_back({std::string("b"), model::Protocol::kTcp, 8443});
  EXPECT_EQ(Plan(service, {slice}).local_ready_v4, 2u) << "each address once, whatever its ports";
  EXPECT_EQ(Plan(service, {slice}).health_check_node_port, 32000);

  service.annotations["shunt-lb.io/endpoint-weights"] = R"({"10.0.0.2": 0})";
  EXPECT_EQ(Plan(service, {slice}).local_ready_v4, 1u) << "a drained endpoint must not attract traffic";
}

TEST(HealthCheckTest, TerminatingEndpointsDoNotCountThoughTheyServe) {
  const model::ServicePlan plan = Plan(ExternalLocal(), {MakeSlice("s", {Terminating("10.0.0.1", "here")})});
  EXPECT_EQ(plan.local_ready_v4, 0u);
  EXPECT_EQ(Selected(*PoolOf(plan.ports[0], model::PoolScope::kLocal)), (Texts{"10.0.0.1"}));
}

TEST(HealthCheckTest, EachFamilyCountsItsOwnEndpoints) {
  model::Service service = ExternalLocal();
  const auto counts = [&](const std::vector<model::EndpointSlice>& slices) {
    const model::ServicePlan plan = Plan(service, slices);
    return std::pair(plan.local_ready_v4, plan.local_ready_v6);
  };
  const model::EndpointSlice v4 = MakeSlice("s4", {Ready("10.0.0.1", "here"), Ready("10.0.0.2", "here")});
  model::EndpointSlice v6 = MakeSlice("s6", {Ready("fd00::1", "here")});
  v6.address_type = model::AddressType::kIpv6;
  using Counts = std::pair<std::optional<uint32_t>, std::optional<uint32_t>>;
  EXPECT_EQ(counts({v4, v6}), Counts(2, std::nullopt)) << "the Service has no IPv6 address to probe for";
  service.cluster_ips = {"10.96.0.1", "fd00:96::1"};
  EXPECT_EQ(counts({v4, v6}), Counts(2, 1));
  EXPECT_EQ(counts({v6}), Counts(0, 1)) << "nothing would answer what a load balancer sends over IPv4";
  service.cluster_ips = {"fd00:96::1"};
  EXPECT_EQ(counts({v4, v6}), Counts(std::nullopt, 1));
  service.health_check_node_port = 0;
  EXPECT_EQ(counts({v4, v6}), Counts(std::nullopt, std::nullopt));
}

TEST(HealthCheckTest, OnlyALoadBalancerWithTheLocalPolicyHasOne) {
  const auto port_of = [](void (*change)(model::Service&)) {
    model::Service service = ExternalLocal();
    change(service);
    return Plan(service, {MakeSlice("s", {Ready("10.0.0.1", "here")})}).health_check_node_port;
  };
  EXPECT_EQ(port_of([](model::Service&) {}), 32000);
  EXPECT_EQ(port_of([](model::Service& s) { s.type = model::ServiceType::kNodePort; }), 0);
  EXPECT_EQ(port_of([](model::Service& s) { s.external_traffic_policy = model::TrafficPolicy::kCluster; }), 0);
  EXPECT_EQ(port_of([](model::Service& s) { s.health_check_node_port = 0; }), 0);
}

TEST(PlannedEndpointTest, CarriesWhatPeopleWantToSee) {
  model::EndpointSlice slice = MakeSlice("web-x", {Ready("010.0.0.1", "here")});
  slice.endpoints[0].pod_name = "web-0";
  slice.endpoints[0].zone = "a";
  slice.annotations["shunt-lb.io/weight"] = "7";
  const model::PlannedEndpoint endpoint = Plan(MakeService(), {slice}).ports[0].endpoints[0];
  EXPECT_EQ(endpoint.backend, (model::SocketAddress{Address("10.0.0.1"), 8080}));
  EXPECT_EQ(endpoint.address_text, "010.0.0.1");
  EXPECT_EQ(endpoint.pod_name, "web-0");
  EXPECT_EQ(endpoint.node_name, "here");
  EXPECT_EQ(endpoint.zone, "a");
  EXPECT_EQ(endpoint.slice_name, "web-x");
  EXPECT_EQ(endpoint.weight, 7u);
}

// Random clusters of one Service with every kind of fault at once.
class RandomSlices {
 public:
  explicit RandomSlices(uint32_t seed) : random_(seed) {}

  std::vector<model::EndpointSlice> Make() {
    std::vector<model::EndpointSlice> slices;
    const size_t count = 1 + random_() % 5;
    for (size_t i = 0; i < count; ++i) slices.push_back(MakeOne(i));
    return slices;
  }

 private:
  model::EndpointSlice MakeOne(size_t index) {
    model::EndpointSlice slice = MakeSlice("s" + std::to_string(index), {});
    slice.uid = random_() % 3 == 0 ? "" : std::to_string(random_() % 4);
    if (random_() % 4 == 0) slice.annotations["shunt-lb.io/weight"] = random_() % 2 == 0 ? "3" : "bad";
    if (random_() % 6 == 0) slice.ports[0].port = 9090;
    if (random_() % 8 == 0) slice.ports.clear();
    if (random_() % 10 == 0) slice.address_type = model::AddressType::kFqdn;
    const size_t count = random_() % 8;
    for (size_t i = 0; i < count; ++i) slice.endpoints.push_back(MakeEndpoint());
    return slice;
  }

  model::Endpoint MakeEndpoint() {
    constexpr const char* kOdd[] = {"127.0.0.1", "nonsense", "10.96.0.1", "::ffff:10.0.0.1", "010.0.0.2"};
    const std::string address =
        random_() % 8 == 0 ? kOdd[random_() % 5] : "10.0.0." + std::to_string(1 + random_() % 9);
    model::Endpoint endpoint = Conditions(address, random_() % 2 == 0 ? "here" : "there", random_() % 3 != 0,
                                          random_() % 3 != 0, random_() % 3 == 0);
    if (random_() % 4 != 0) endpoint.hint_zones = {random_() % 2 == 0 ? "a" : "b"};
    return endpoint;
  }

  std::mt19937_64 random_;
};

TEST(DeterminismTest, TheOrderOfSlicesDoesNotMatter) {
  for (const uint32_t seed : seeds::UpTo(500)) {
    SCOPED_TRACE(seeds::Trace(seed));
    std::mt19937 shuffle(seed);
    std::vector<model::EndpointSlice> slices = RandomSlices(seed).Make();
    model::Service service = ExternalLocal();
    service.annotations["shunt-lb.io/endpoint-weights"] = R"({"10.0.0.3": 0, "10.0.0.4": 9, "bad": 1, "worse": 2})";
    const model::ServicePlan plan = Plan(service, slices);
    for (int round = 0; round < 5; ++round) {
      std::shuffle(slices.begin(), slices.end(), shuffle);
      ASSERT_EQ(Plan(service, slices), plan);
    }
  }
}

TEST(InvariantTest, PoolsAndVerdictsAgreeWhateverTheSlices) {
  for (const uint32_t seed : seeds::UpTo(1000)) {
    SCOPED_TRACE(seeds::Trace(seed));
    const model::PortPlan port = Plan(ExternalLocal(), RandomSlices(seed).Make()).ports[0];
    ASSERT_EQ(port.pools.size(), 2u);
    bool any = false;
    for (const model::PlannedEndpoint& endpoint : port.endpoints) any |= endpoint.cluster_verdict == V::kSelected;
    for (const model::Pool& pool : port.pools) {
      std::vector<model::SocketAddress> selected;
      for (const model::PlannedEndpoint& endpoint : port.endpoints) {
        const V verdict = pool.scope == model::PoolScope::kCluster ? endpoint.cluster_verdict : endpoint.local_verdict;
        if (verdict == V::kSelected) selected.push_back(endpoint.backend);
      }
      std::vector<model::SocketAddress> with_share;
      for (const model::PoolMember& member : pool.members) {
        if (member.weight > 0) with_share.push_back(member.backend);
      }
      ASSERT_EQ(with_share, selected);
      ASSERT_EQ(pool.slots.size(), selected.empty() ? 0 : pool.members.size());
      const auto expected_empty =
          selected.empty() && any ? model::EmptyPool::kLocalMiss : model::EmptyPool::kNoEndpoints;
      ASSERT_EQ(pool.empty, expected_empty);
      for (size_t i = 1; i < pool.members.size(); ++i) {
        ASSERT_LT(pool.members[i - 1].backend, pool.members[i].backend);
      }
    }
  }
}

}  // namespace
}  // namespace shunt::planner
