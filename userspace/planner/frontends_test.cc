// SPDX-License-Identifier: Apache-2.0
// The frontends of a Service: the cases of kube-proxy's service tables in our words.
#include "userspace/planner/frontends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "userspace/planner/testing/test_objects.h"

namespace shunt::planner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

model::Service LoadBalancer() {
  model::Service service = MakeService();
  service.type = model::ServiceType::kLoadBalancer;
  service.ports[0].node_port = 30080;
  service.load_balancer_ingress = {{"198.51.100.1", ""}};
  return service;
}

TEST(ServiceFilterTest, WhatIsNotOursHasAnEmptyPlan) {
  const struct {
    const char* sentence;
    void (*change)(model::Service&);
  } kRows[] = {
      {"headless", [](model::Service& s) { s.cluster_ips = {"None"}; }},
      {"headless of both families", [](model::Service& s) { s.cluster_ips = {"None", "None"}; }},
      {"ExternalName", [](model::Service& s) { s.type = model::ServiceType::kExternalName; }},
      {"another proxy's", [](model::Service& s) { s.labels["service.kubernetes.io/service-proxy-name"] = "x"; }},
      {"another proxy's, with an empty name",
       [](model::Service& s) { s.labels["service.kubernetes.io/service-proxy-name"] = ""; }},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    model::Service service = LoadBalancer();
    service.load_balancer_ingress[0].ip = "127.0.0.1";
    service.creation_time_s = 5;
    row.change(service);
    const model::ServicePlan plan = Plan(service, {MakeSlice("s", {Ready("10.0.0.1")})});
    EXPECT_THAT(plan.ports, IsEmpty());
    EXPECT_THAT(plan.warnings, IsEmpty());
    EXPECT_EQ(plan.service, service.name);
    EXPECT_EQ(plan.creation_time_s, 5);
  }
}

TEST(ServiceFilterTest, WhatIsDialledAtAClusterIpAndLacksItHasAWarning) {
  const struct {
    const char* sentence;
    void (*change)(model::Service&);
    const char* warning;
  } kRows[] = {
      {"no ClusterIP", [](model::Service& s) { s.cluster_ips = {}; },
       "clusterIP: the Service has none, and is not headless (None): not served"},
      {"an empty ClusterIP", [](model::Service& s) { s.cluster_ips = {""}; },
       "clusterIP: the Service has none, and is not headless (None): not served"},
      {"no port", [](model::Service& s) { s.ports.clear(); }, "ports: the Service has none: not served"},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    model::Service service = MakeService();
    row.change(service);
    const model::ServicePlan plan = Plan(service, {MakeSlice("s", {Ready("10.0.0.1")})});
    EXPECT_THAT(plan.ports, IsEmpty());
    EXPECT_THAT(plan.warnings, ElementsAre(row.warning));
  }
}

TEST(ServiceFilterTest, TheLabelHeadlessMeansNothingOnAService) {
  model::Service service = MakeService();
  service.labels["service.kubernetes.io/headless"] = "";
  EXPECT_EQ(FrontendTexts(Plan(service, {})), (Texts{"ClusterIP 10.96.0.1:80/TCP"}));
}

TEST(FrontendsTest, EveryKindHasItsAddresses) {
  model::Service service = LoadBalancer();
  service.cluster_ips = {"fd00:96::1", "10.96.0.1"};
  service.ports = {{"http", model::Protocol::kTcp, 80, 30080}, {"dns", model::Protocol::kUdp, 53, 30080}};
  service.load_balancer_ingress = {{"198.51.100.1", "VIP"}, {"2001:db8::1", ""}};
  service.external_ips = {"203.0.113.2", "203.0.113.1"};
  const model::ServicePlan plan = Plan(service, {});
  EXPECT_THAT(plan.warnings, IsEmpty());
  EXPECT_EQ(FrontendTexts(plan),
            (Texts{"ClusterIP 10.96.0.1:80/TCP", "NodePort 0.0.0.0:30080/TCP", "LoadBalancer 198.51.100.1:80/TCP",
                   "ExternalIP 203.0.113.2:80/TCP", "ExternalIP 203.0.113.1:80/TCP",  //
                   "ClusterIP [fd00:96::1]:80/TCP", "NodePort [::]:30080/TCP", "LoadBalancer [2001:db8::1]:80/TCP",
                   "ClusterIP 10.96.0.1:53/UDP", "NodePort 0.0.0.0:30080/UDP", "LoadBalancer 198.51.100.1:53/UDP",
                   "ExternalIP 203.0.113.2:53/UDP", "ExternalIP 203.0.113.1:53/UDP",  //
                   "ClusterIP [fd00:96::1]:53/UDP", "NodePort [::]:30080/UDP", "LoadBalancer [2001:db8::1]:53/UDP"}));
}

TEST(FrontendsTest, OnlyVipIngressWithAnAddressIsOurs) {
  const struct {
    const char* sentence;
    model::LoadBalancerIngress ingress;
    bool served;
  } kRows[] = {
      {"no mode", {"198.51.100.1", ""}, true},
      {"mode VIP", {"198.51.100.1", "VIP"}, true},
      {"mode Proxy", {"198.51.100.1", "Proxy"}, false},
      {"a mode of the future", {"198.51.100.1", "Tunnel"}, false},
      {"a host name only", {"", ""}, false},
      {"a host name only, mode VIP", {"", "VIP"}, false},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    model::Service service = LoadBalancer();
    service.load_balancer_ingress = {row.ingress};
    Texts expected = {"ClusterIP 10.96.0.1:80/TCP", "NodePort 0.0.0.0:30080/TCP"};
    if (row.served) expected.push_back("LoadBalancer 198.51.100.1:80/TCP");
    const model::ServicePlan plan = Plan(service, {});
    EXPECT_EQ(FrontendTexts(plan), expected);
    EXPECT_THAT(plan.warnings, IsEmpty());
  }
}

TEST(FrontendsTest, ALoadBalancerMayHaveNoNodePort) {
  model::Service service = LoadBalancer();
  service.ports[0].node_port = 0;
  EXPECT_EQ(FrontendTexts(Plan(service, {})),
            (Texts{"ClusterIP 10.96.0.1:80/TCP", "LoadBalancer 198.51.100.1:80/TCP"}));
}

TEST(FrontendsTest, LeadingZerosAreDecimal) {
  model::Service service = MakeService();
  service.cluster_ips = {"010.096.000.011"};
  EXPECT_EQ(FrontendTexts(Plan(service, {})), (Texts{"ClusterIP 10.96.0.11:80/TCP"}));
}

TEST(FrontendsTest, BadAddressesAreLeftOutWithAWarning) {
  const struct {
    const char* sentence;
    void (*change)(model::Service&);
    const char* warning;
    Texts expected;
  } kRows[] = {
      {"no ClusterIP can be read: nothing is served",
       [](model::Service& s) { s.cluster_ips = {"10.96.0.300"}; },
       "clusterIPs: \"10.96.0.300\" is not an IP address",
       {}},
      {"a ClusterIP on loopback",
       [](model::Service& s) { s.cluster_ips = {"127.0.0.1"}; },
       "clusterIPs: 127.0.0.1 is loopback",
       {}},
      {"two ClusterIPs of a family",
       [](model::Service& s) { s.cluster_ips = {"10.96.0.1", "10.96.0.2"}; },
       "clusterIPs: 10.96.0.2 is the second of its family",
       {"ClusterIP 10.96.0.1:80/TCP"}},
      {"external address on loopback (of every process of the node)",
       [](model::Service& s) { s.external_ips = {"127.0.0.1"}; },
       "externalIPs: 127.0.0.1 is loopback",
       {"ClusterIP 10.96.0.1:80/TCP"}},
      {"external address of the cloud's metadata service",
       [](model::Service& s) { s.external_ips = {"169.254.169.254"}; },
       "externalIPs: 169.254.169.254 is link-local",
       {"ClusterIP 10.96.0.1:80/TCP"}},
      {"external address 0.0.0.0, which would be a NodePort's",
       [](model::Service& s) { s.external_ips = {"0.0.0.0"}; },
       "externalIPs: 0.0.0.0 is unspecified",
       {"ClusterIP 10.96.0.1:80/TCP"}},
      {"external address ::ffff:127.0.0.1",
       [](model::Service& s) { s.external_ips = {"::ffff:127.0.0.1"}; },
       "externalIPs: 127.0.0.1 is loopback",
       {"ClusterIP 10.96.0.1:80/TCP"}},
      {"multicast load balancer",
       [](model::Service& s) { s.load_balancer_ingress = {{"224.0.0.251", ""}}; },
       "status.loadBalancer.ingress: 224.0.0.251 is link-local multicast",
       {"ClusterIP 10.96.0.1:80/TCP"}},
      {"external address of a family without a ClusterIP",
       [](model::Service& s) { s.external_ips = {"2001:db8::1"}; },
       "externalIPs: 2001:db8::1 is IPv6, but the Service has no such ClusterIP",
       {"ClusterIP 10.96.0.1:80/TCP"}},
      {"external address with an escape sequence",
       [](model::Service& s) { s.external_ips = {"\x1b[31m"}; },
       "externalIPs: \"\\x1b[31m\" is not an IP address",
       {"ClusterIP 10.96.0.1:80/TCP"}},
      {"its own ClusterIP as external address",
       [](model::Service& s) { s.external_ips = {"10.96.0.1"}; },
       "externalIPs: 10.96.0.1 is already an address of this Service",
       {"ClusterIP 10.96.0.1:80/TCP"}},
      {"an external address twice",
       [](model::Service& s) { s.external_ips = {"203.0.113.1", "203.0.113.01"}; },
       "externalIPs: 203.0.113.1 is already an address of this Service",
       {"ClusterIP 10.96.0.1:80/TCP", "ExternalIP 203.0.113.1:80/TCP"}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    model::Service service = MakeService();
    row.change(service);
    const model::ServicePlan plan = Plan(service, {});
    EXPECT_EQ(FrontendTexts(plan), row.expected);
    EXPECT_THAT(plan.warnings, ElementsAre(HasSubstr(row.warning)));
  }
}

// Clouds give pods and Services addresses of 240.0.0.0/4, and the API server accepts them.
TEST(FrontendsTest, FormerlyReservedAddressesAreServed) {
  model::Service service = LoadBalancer();
  service.cluster_ips = {"240.96.0.1"};
  service.load_balancer_ingress = {{"250.0.0.1", ""}};
  service.external_ips = {"255.255.255.254"};
  const model::ServicePlan plan = Plan(service, {});
  EXPECT_EQ(FrontendTexts(plan), (Texts{"ClusterIP 240.96.0.1:80/TCP", "NodePort 0.0.0.0:30080/TCP",
                                        "LoadBalancer 250.0.0.1:80/TCP", "ExternalIP 255.255.255.254:80/TCP"}));
  EXPECT_THAT(plan.warnings, IsEmpty());
}

TEST(LocalAddressTest, AClusterIpOfTheNodesOwnInterfacesIsLeftToTheNode) {
  model::Service service = LoadBalancer();
  service.cluster_ips = {"10.96.0.10", "fd00:96::a"};
  service.external_ips = {"192.168.0.1"};
  NodeContext node = Here();
  node.local_addresses = {Address("10.96.0.10"), Address("169.254.20.10"), Address("192.168.0.1")};
  const model::ServicePlan plan = Plan(service, {}, node);
  for (const model::PortPlan& port : plan.ports) {
    for (const model::Frontend& frontend : port.frontends) {
      EXPECT_EQ(frontend.IsProgrammed(), frontend.address.address != Address("10.96.0.10"))
          << frontend.address.ToString() << ": only ClusterIPs, and only those that are the node's";
    }
  }
  EXPECT_EQ(plan.ports[0].frontends[0].verdict, model::FrontendVerdict::kLocalAddress);
  EXPECT_THAT(plan.warnings, ElementsAre("clusterIPs: 10.96.0.10 is an address of this node: left to the process that "
                                         "listens on it"));
  node.local_addresses = {Address("169.254.20.10"), Address("192.168.0.1")};
  EXPECT_EQ(Plan(service, {}, node), Plan(service, {})) << "when the address goes, the Service is served as ever";
}

TEST(FrontendsTest, ALoadBalancersAddressKeepsItsRangesWhenItIsAnExternalAddressToo) {
  model::Service service = LoadBalancer();
  service.external_ips = {"198.51.100.1"};
  service.load_balancer_source_ranges = {"192.0.2.0/24"};
  const model::ServicePlan plan = Plan(service, {});
  EXPECT_EQ(FrontendTexts(plan),
            (Texts{"ClusterIP 10.96.0.1:80/TCP", "NodePort 0.0.0.0:30080/TCP", "LoadBalancer 198.51.100.1:80/TCP"}));
  EXPECT_EQ(plan.ports[0].frontends[2].source_ranges.size(), 1u);
}

TEST(PortsTest, ImpossiblePortsAreLeftOutWithAWarning) {
  model::Service service = MakeService();
  service.ports = {{"zero", model::Protocol::kTcp, 0, 0},
                   {"first", model::Protocol::kTcp, 80, 30080},
                   {"same", model::Protocol::kTcp, 80, 30081},
                   {"udp", model::Protocol::kUdp, 80, 30080},
                   {"node", model::Protocol::kTcp, 81, 30080}};
  const model::ServicePlan plan = Plan(service, {});
  EXPECT_EQ(FrontendTexts(plan),
            (Texts{"ClusterIP 10.96.0.1:80/TCP", "NodePort 0.0.0.0:30080/TCP", "ClusterIP 10.96.0.1:80/UDP",
                   "NodePort 0.0.0.0:30080/UDP", "ClusterIP 10.96.0.1:81/TCP"}));
  EXPECT_THAT(plan.warnings, ElementsAre(HasSubstr("port \"zero\" has number 0"), HasSubstr("port 80/TCP"),
                                         HasSubstr("nodePort 30080/TCP")));
}

TEST(PortsTest, SctpIsServedOnlyWherePacketsAre) {
  model::Service service = MakeService();
  service.ports = {{"", model::Protocol::kSctp, 3868, 0}};
  model::EndpointSlice slice = MakeSlice("s", {Ready("10.0.0.1")});
  slice.ports = {{"", model::Protocol::kSctp, 3868}};
  const model::ServicePlan plan = Plan(service, {slice});
  EXPECT_EQ(FrontendTexts(plan), (Texts{"ClusterIP 10.96.0.1:3868/SCTP"}));
  EXPECT_EQ(plan.ports[0].frontends[0].verdict, model::FrontendVerdict::kNoSocketHook);
  EXPECT_FALSE(plan.ports[0].frontends[0].IsProgrammed());
  EXPECT_EQ(Selected(plan.ports[0].pools[0]), (Texts{"10.0.0.1"}));
  const model::ServicePlan served = Plan(service, {slice}, Here(), {.serves_packets = true});
  EXPECT_TRUE(served.ports[0].frontends[0].IsProgrammed()) << "by the packet path";
}

TEST(SourceRangesTest, BindLoadBalancerAddressesOfTheirFamilyOnly) {
  model::Service service = LoadBalancer();
  service.cluster_ips = {"10.96.0.1", "fd00:96::1"};
  service.load_balancer_ingress = {{"198.51.100.1", ""}, {"2001:db8::1", ""}};
  service.external_ips = {"203.0.113.1"};
  service.load_balancer_source_ranges = {" 192.0.2.0/24\t", "10.1.2.3/8", "10.0.0.0/8"};
  const model::ServicePlan plan = Plan(service, {});
  EXPECT_THAT(plan.warnings, IsEmpty());
  for (const model::PortPlan& port : plan.ports) {
    for (const model::Frontend& frontend : port.frontends) {
      SCOPED_TRACE(frontend.address.ToString());
      Texts ranges;
      for (const model::IpPrefix& range : frontend.source_ranges) ranges.push_back(range.ToString());
      const bool bound = frontend.kind == model::FrontendKind::kLoadBalancer && port.family == model::IpFamily::kV4;
      EXPECT_EQ(ranges, bound ? (Texts{"10.0.0.0/8", "192.0.2.0/24"}) : Texts{});
      EXPECT_FALSE(frontend.node_in_source_ranges);
    }
  }
}

TEST(SourceRangesTest, SayWhetherTheNodeItselfMayPass) {
  const struct {
    const char* sentence;
    Texts ranges;
    bool v4;
    bool v6;
  } kRows[] = {
      {"the node's IPv4 address is within", {"192.168.0.0/16"}, true, false},
      {"the node's IPv6 address is within", {"fd00:192::/32", "203.0.113.0/24"}, false, true},
      {"neither", {"203.0.113.0/24", "2001:db8::/32"}, false, false},
      {"one of several", {"203.0.113.0/24", "192.168.0.1/32"}, true, false},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    model::Service service = LoadBalancer();
    service.cluster_ips = {"10.96.0.1", "fd00:96::1"};
    service.load_balancer_ingress = {{"198.51.100.1", ""}, {"2001:db8::1", ""}};
    service.load_balancer_source_ranges = row.ranges;
    const model::ServicePlan plan = Plan(service, {});
    EXPECT_EQ(plan.ports[0].frontends.back().node_in_source_ranges, row.v4);
    EXPECT_EQ(plan.ports[1].frontends.back().node_in_source_ranges, row.v6);
  }
}

TEST(SourceRangesTest, UnreadableRangesNeverOpenALoadBalancer) {
  model::Service service = LoadBalancer();
  service.load_balancer_source_ranges = {"192.0.2.0/24", "nonsense"};
  model::ServicePlan plan = Plan(service, {});
  EXPECT_EQ(plan.ports[0].frontends.size(), 3u);
  EXPECT_THAT(plan.warnings, ElementsAre(HasSubstr("\"nonsense\" is not a prefix")));

  service.load_balancer_source_ranges = {"192.0.2.1"};
  plan = Plan(service, {});
  ASSERT_EQ(plan.ports[0].frontends.size(), 3u);
  EXPECT_FALSE(plan.ports[0].frontends[0].IsRestricted()) << "its ClusterIP";
  EXPECT_FALSE(plan.ports[0].frontends[1].IsRestricted()) << "its NodePort";
  EXPECT_TRUE(plan.ports[0].frontends[2].admits_no_client);
  EXPECT_TRUE(plan.ports[0].frontends[2].IsRestricted());
  EXPECT_THAT(plan.warnings,
              ElementsAre(HasSubstr("\"192.0.2.1\" is not a prefix"), HasSubstr("no IPv4 range can be read")));
}

TEST(AffinityTest, TheTimeoutIsOfEveryPortAndWithinTheApisLimits) {
  model::Service service = MakeService();
  service.ports.push_back({"b", model::Protocol::kUdp, 53, 0});
  for (const auto& [given, used] :
       {std::pair{0, 0}, {1, 1}, {10'800, 10'800}, {86'400, 86'400}, {86'401, 86'400}, {-1, 0}}) {
    SCOPED_TRACE(given);
    service.affinity_timeout_s = given;
    const model::ServicePlan plan = Plan(service, {});
    EXPECT_EQ(plan.ports[0].affinity_timeout_s, used);
    EXPECT_EQ(plan.ports[1].affinity_timeout_s, used);
    EXPECT_EQ(plan.warnings.empty(), given == used);
  }
}

}  // namespace
}  // namespace shunt::planner
