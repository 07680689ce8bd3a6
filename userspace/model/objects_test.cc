// SPDX-License-Identifier: Apache-2.0
// The functions of the model's objects.
#include <gtest/gtest.h>

#include <set>

#include "userspace/model/endpoint_slice.h"
#include "userspace/model/node.h"
#include "userspace/model/service.h"
#include "userspace/model/service_plan.h"

namespace shunt::model {
namespace {

TEST(EndpointSliceTest, BelongsToTheServiceOfItsLabelInItsOwnNamespace) {
  EndpointSlice slice;
  slice.name = {"shop", "web-x7k2p"};
  slice.labels["kubernetes.io/service-name"] = "web";
  EXPECT_EQ(slice.ServiceName(), (ObjectName{"shop", "web"}));
}

TEST(EndpointSliceTest, BelongsToNobodyWithoutTheLabel) {
  EndpointSlice slice;
  slice.name = {"shop", "web-x7k2p"};
  EXPECT_EQ(slice.ServiceName(), ObjectName());
  slice.labels["kubernetes.io/service-name"] = "";
  EXPECT_EQ(slice.ServiceName(), ObjectName());
}

TEST(NodeTest, ZoneIsTheTopologyLabel) {
  Node node;
  EXPECT_EQ(node.Zone(), "");
  node.labels["failure-domain.beta.kubernetes.io/zone"] = "old";
  EXPECT_EQ(node.Zone(), "");
  node.labels["topology.kubernetes.io/zone"] = "eu-central-1a";
  EXPECT_EQ(node.Zone(), "eu-central-1a");
}

TEST(NodeTest, LoadBalancersLeaveANodeThatIsDeletedOrMarkedByTheAutoscaler) {
  Node node{.taint_keys = {"node.kubernetes.io/unschedulable", "DeletionCandidateOfClusterAutoscaler"}};
  EXPECT_TRUE(node.EligibleForTraffic());
  node.taint_keys.push_back("ToBeDeletedByClusterAutoscaler");
  EXPECT_FALSE(node.EligibleForTraffic());
  EXPECT_FALSE((Node{.deleting = true}).EligibleForTraffic());
}

TEST(FrontendAddressTest, ReadsLikeASocketAddressWithItsProtocol) {
  EXPECT_EQ((FrontendAddress{*IpAddress::Parse("10.96.0.10"), 53, Protocol::kUdp}).ToString(), "10.96.0.10:53/UDP");
  EXPECT_EQ((FrontendAddress{*IpAddress::Parse("fd00::a"), 443, Protocol::kTcp}).ToString(), "[fd00::a]:443/TCP");
}

TEST(FrontendKindTest, NamesAreThoseOfTheApi) {
  EXPECT_EQ(FrontendKindName(FrontendKind::kClusterIp), "ClusterIP");
  EXPECT_EQ(FrontendKindName(FrontendKind::kNodePort), "NodePort");
  EXPECT_EQ(FrontendKindName(FrontendKind::kLoadBalancer), "LoadBalancer");
  EXPECT_EQ(FrontendKindName(FrontendKind::kExternalIp), "ExternalIP");
}

TEST(EndpointVerdictTest, EveryVerdictHasANameOfItsOwn) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(EndpointVerdict::kTooMany); ++i) {
    const absl::string_view name = EndpointVerdictName(static_cast<EndpointVerdict>(i));
    EXPECT_NE(name, "unknown") << i;
    EXPECT_TRUE(names.emplace(name).second) << name;
  }
  EXPECT_EQ(EndpointVerdictName(EndpointVerdict::kSelected), "selected");
  EXPECT_EQ(EndpointVerdictName(EndpointVerdict::kForbiddenAddress), "forbidden_address");
}

TEST(FrontendVerdictTest, OnlyAServedFrontendWithoutConflictIsProgrammed) {
  EXPECT_EQ(FrontendVerdictName(FrontendVerdict::kServed), "served");
  EXPECT_EQ(FrontendVerdictName(FrontendVerdict::kLocalAddress), "local_address");
  EXPECT_EQ(FrontendVerdictName(FrontendVerdict::kNoSocketHook), "no_socket_hook");
  Frontend frontend;
  EXPECT_TRUE(frontend.IsProgrammed());
  frontend.conflict_with = {"shop", "other"};
  EXPECT_FALSE(frontend.IsProgrammed());
  frontend.conflict_with = {};
  frontend.verdict = FrontendVerdict::kLocalAddress;
  EXPECT_FALSE(frontend.IsProgrammed());
}

}  // namespace
}  // namespace shunt::model
