// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/service_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_split.h"

namespace shunt::shuntctl {
namespace {

namespace v1 = admin::v1;

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// Returns the page of a Service with one frontend, line by line.
std::vector<std::string> PageOf(const v1::Frontend& frontend) {
  v1::Service service;
  service.set_state(v1::SERVICE_STATE_APPLIED);
  v1::ServicePort& port = *service.add_ports();
  port.set_port(53);
  *port.add_frontends() = frontend;
  v1::Pool& pool = *port.add_pools();
  pool.set_scope(v1::POOL_SCOPE_CLUSTER);
  return absl::StrSplit(ServicePage(service, Options()), '\n');
}

TEST(ServicePageTest, AFrontendThatIsNotServedLeadsNowhereAndSaysWhy) {
  v1::Frontend frontend;
  frontend.set_kind(v1::FRONTEND_KIND_CLUSTER_IP);
  frontend.mutable_address()->set_address("10.96.0.10");
  frontend.mutable_address()->set_port(53);
  EXPECT_THAT(PageOf(frontend), Contains(AllOf(HasSubstr("10.96.0.10:53"), HasSubstr("cluster"))));
  frontend.set_not_served(v1::NOT_SERVED_LOCAL_ADDRESS);
  EXPECT_THAT(PageOf(frontend),
              Contains(AllOf(HasSubstr("10.96.0.10:53"), HasSubstr("left to the node"), Not(HasSubstr("cluster")))));
  frontend.set_not_served(v1::NOT_SERVED_NO_SOCKET_HOOK);
  EXPECT_THAT(PageOf(frontend), Contains(AllOf(HasSubstr("10.96.0.10:53"), HasSubstr("SCTP has no socket hook"),
                                               Not(HasSubstr("cluster")))));
}

TEST(ServicePageTest, AHealthCheckCountsForEachFamilyThatTheServiceHas) {
  v1::Service service;
  service.set_health_check_node_port(32000);
  service.set_local_ready_endpoints_v6(2);
  EXPECT_THAT(ServicePage(service, Options()), HasSubstr("port 32000, ready on this node: 2 over IPv6\n"));
  service.set_local_ready_endpoints(0);
  EXPECT_THAT(ServicePage(service, Options()), HasSubstr("port 32000, ready on this node: 0 over IPv4, 2 over IPv6\n"));
}

TEST(ServicePageTest, APoolOfDrainedEndpointsHasEndpoints) {
  v1::Service service;
  v1::ServicePort& port = *service.add_ports();
  v1::Pool& pool = *port.add_pools();
  pool.set_scope(v1::POOL_SCOPE_CLUSTER);
  pool.set_empty(v1::EMPTY_POOL_NO_ENDPOINTS);
  EXPECT_THAT(ServicePage(service, Options()), HasSubstr("Pool cluster is empty: no endpoint anywhere, connections"));
  pool.set_members(1);
  EXPECT_THAT(ServicePage(service, Options()),
              HasSubstr("Pool cluster is empty: no endpoint takes new connections, connections are refused"));
}

TEST(ServicePageTest, TheTypeAndTheClusterIpsAreAsTheAgentUnderstoodThem) {
  v1::Service service;
  EXPECT_THAT(ServicePage(service, Options()), AllOf(Not(HasSubstr("Type:")), Not(HasSubstr("ClusterIPs:"))));
  service.set_type(v1::SERVICE_TYPE_NODE_PORT);
  service.add_cluster_ips("10.96.0.10");
  service.add_cluster_ips("fd00:96::10");
  EXPECT_THAT(ServicePage(service, Options()),
              HasSubstr("Type:          NodePort\nClusterIPs:    10.96.0.10, fd00:96::10\n"));
}

TEST(ServicePageTest, ARefusalSaysThatAnEarlierStateIsShown) {
  v1::Service service;
  service.add_refusals("a.yaml:3: spec.ports must be a list");
  EXPECT_THAT(
      ServicePage(service, Options()),
      HasSubstr("Refused:       a.yaml:3: spec.ports must be a list (what is shown is of the object before)\n"));
}

TEST(ServicePageTest, AServiceWithoutAPlanMayLackMoreThanPorts) {
  EXPECT_THAT(ServicePage(v1::Service(), Options()),
              AllOf(HasSubstr("no ClusterIP"), HasSubstr("headless"), HasSubstr("service-proxy-name")));
}

}  // namespace
}  // namespace shunt::shuntctl
