// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/service_warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace shunt::report {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

model::PlannedEndpoint Endpoint(model::EndpointVerdict verdict) {
  model::PlannedEndpoint endpoint;
  endpoint.cluster_verdict = verdict;
  return endpoint;
}

std::vector<std::string> Lines(const model::ServicePlan& plan) {
  std::vector<std::string> lines;
  for (const ServiceWarning& warning : WarningsOf(plan)) {
    EXPECT_EQ(warning.service, plan.service);
    lines.push_back(absl::StrCat(WarningKindName(warning.kind), ": ", warning.what));
  }
  return lines;
}

TEST(ServiceWarningsTest, EachKindHasItsSentences) {
  model::ServicePlan plan{.service = {"shop", "cart"}};
  plan.ports.resize(2);
  model::PortPlan& tcp = plan.ports[0];
  tcp.port = 80;
  tcp.frontends.resize(1);
  tcp.endpoints = {Endpoint(model::EndpointVerdict::kSelected)};
  EXPECT_THAT(Lines(plan), IsEmpty());
  EXPECT_THAT(WarningKindsOf(plan), ElementsAre(false, false, false, false));

  tcp.frontends[0].address = {*model::IpAddress::Parse("203.0.113.7"), 80, model::Protocol::kTcp};
  tcp.frontends[0].conflict_with = {"shop", "older"};
  tcp.endpoints = {Endpoint(model::EndpointVerdict::kForbiddenAddress), Endpoint(model::EndpointVerdict::kBadAddress)};
  plan.ports[1].port = 3868;
  plan.ports[1].protocol = model::Protocol::kSctp;
  plan.ports[1].family = model::IpFamily::kV6;
  plan.ports[1].frontends.resize(1);
  plan.ports[1].frontends[0].verdict = model::FrontendVerdict::kNoSocketHook;
  plan.warnings = {"externalIPs[0] is no IP address"};
  EXPECT_THAT(
      Lines(plan),
      ElementsAre(
          "conflict: frontend 203.0.113.7:80/TCP belongs to Service shop/older and is not served for this one",
          "dead: port 80/TCP (IPv4): no endpoint of 2 can be used, so connections are refused; `shuntctl service "
          "show` says why",
          "protocol: port 3868/SCTP (IPv6) is not served: SCTP has no socket hook, and packets are not translated",
          "object: externalIPs[0] is no IP address"));
  EXPECT_THAT(WarningKindsOf(plan), ElementsAre(true, true, true, true));
}

TEST(ServiceWarningsTest, HoweverManyThereAreEachKindIsOneWarning) {
  model::ServicePlan plan{.service = {"shop", "cart"}};
  plan.ports.resize(3);
  for (model::PortPlan& port : plan.ports) {
    port.port = 80;
    port.frontends.resize(256);
    for (model::Frontend& frontend : port.frontends) {
      frontend.address = {*model::IpAddress::Parse("203.0.113.7"), 80, model::Protocol::kTcp};
      frontend.conflict_with = {"shop", "older"};
    }
    port.endpoints = {Endpoint(model::EndpointVerdict::kNoPort)};
  }
  plan.warnings = {"one", "two"};
  EXPECT_THAT(
      Lines(plan),
      ElementsAre(
          "conflict: frontend 203.0.113.7:80/TCP belongs to Service shop/older and is not served for this one; 767 "
          "more of this kind: see `shuntctl service show shop/cart`",
          "dead: port 80/TCP (IPv4): no endpoint of 1 can be used, so connections are refused; `shuntctl service show` "
          "says why; 2 more of this kind: see `shuntctl service show shop/cart`",
          "object: one; 1 more of this kind: see `shuntctl service show shop/cart`"));
}

TEST(ServiceWarningsTest, ANodePortIsNamedWithoutAnAddress) {
  model::ServicePlan plan{.service = {"shop", "cart"}};
  plan.ports.resize(1);
  model::Frontend frontend;
  frontend.kind = model::FrontendKind::kNodePort;
  frontend.address = {*model::IpAddress::Parse("0.0.0.0"), 30443, model::Protocol::kTcp};
  frontend.conflict_with = {"shop", "older"};
  plan.ports[0].frontends = {frontend};
  EXPECT_THAT(
      Lines(plan),
      ElementsAre("conflict: frontend *:30443/TCP belongs to Service shop/older and is not served for this one"));
}

TEST(ServiceWarningsTest, APortIsDeadOnlyIfNoEndpointCanBeUsed) {
  model::ServicePlan plan;
  plan.ports.resize(1);
  EXPECT_THAT(Lines(plan), IsEmpty()) << "scaled to zero";
  plan.ports[0].endpoints = {Endpoint(model::EndpointVerdict::kForbiddenAddress),
                             Endpoint(model::EndpointVerdict::kNotReady)};
  EXPECT_THAT(Lines(plan), IsEmpty()) << "one may become ready";
  plan.ports[0].endpoints[1] = Endpoint(model::EndpointVerdict::kNoPort);
  EXPECT_THAT(WarningKindsOf(plan), ElementsAre(false, true, false, false));
  plan.ports[0].protocol = model::Protocol::kSctp;
  plan.ports[0].frontends.resize(1);
  EXPECT_THAT(WarningKindsOf(plan), ElementsAre(false, true, false, false)) << "served, where packets are translated";
  plan.ports[0].frontends[0].verdict = model::FrontendVerdict::kNoSocketHook;
  EXPECT_THAT(WarningKindsOf(plan), ElementsAre(false, false, true, false)) << "nothing is refused for it here";
  EXPECT_THAT(Lines(plan), ElementsAre(testing::StartsWith("protocol: ")));
}

}  // namespace
}  // namespace shunt::report
