// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/frontend_claims.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/seeds.h"
#include "userspace/planner/testing/test_objects.h"

namespace shunt::planner {
namespace {

using model::ObjectName;
using Names = std::vector<ObjectName>;

struct Claimant {
  const char* namespace_name;
  int64_t creation_time_s;
  model::FrontendKind kind;
};

model::ServicePlan PlanOf(const Claimant& claimant, const char* address = "203.0.113.1", uint16_t port = 80) {
  model::ServicePlan plan;
  plan.service = {claimant.namespace_name, "web"};
  plan.creation_time_s = claimant.creation_time_s;
  model::Frontend frontend;
  frontend.address = {Address(address), port, model::Protocol::kTcp};
  frontend.kind = claimant.kind;
  model::PortPlan port_plan;
  port_plan.frontends.push_back(frontend);
  plan.ports.push_back(port_plan);
  return plan;
}

ObjectName ConflictOf(const model::ServicePlan& plan) {
  return plan.ports[0].frontends[0].conflict_with;
}

constexpr auto kClusterIp = model::FrontendKind::kClusterIp;
constexpr auto kNodePort = model::FrontendKind::kNodePort;
constexpr auto kLoadBalancer = model::FrontendKind::kLoadBalancer;
constexpr auto kExternalIp = model::FrontendKind::kExternalIp;

TEST(FrontendClaimsTest, TheWinnerDependsOnTheObjectsAloneNotOnWhoCameFirst) {
  const struct {
    const char* sentence;
    Claimant winner;
    Claimant loser;
  } kRows[] = {
      {"the older one", {"b", 100, kLoadBalancer}, {"a", 200, kLoadBalancer}},
      {"of one age the first namespace", {"a", 100, kLoadBalancer}, {"b", 100, kLoadBalancer}},
      {"an age that is unknown counts as the newest", {"b", 100, kNodePort}, {"a", 0, kNodePort}},
      {"both ages unknown: the first namespace", {"a", 0, kNodePort}, {"b", 0, kNodePort}},
      {"a ClusterIP before an external address, however old", {"b", 200, kClusterIp}, {"a", 100, kExternalIp}},
      {"a ClusterIP before a load balancer's", {"b", 200, kClusterIp}, {"a", 100, kLoadBalancer}},
      {"a load balancer's before an external address", {"b", 200, kLoadBalancer}, {"a", 100, kExternalIp}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    const ObjectName winner = {row.winner.namespace_name, "web"};
    const ObjectName loser = {row.loser.namespace_name, "web"};
    {
      FrontendClaims claims;
      model::ServicePlan plan = PlanOf(row.winner);
      EXPECT_EQ(claims.Update(plan), Names{});
      EXPECT_EQ(ConflictOf(plan), ObjectName());
      model::ServicePlan late = PlanOf(row.loser);
      EXPECT_EQ(claims.Update(late), Names{}) << "a loser that comes changes nobody";
      EXPECT_EQ(ConflictOf(late), winner);
      EXPECT_TRUE(late.ports[0].frontends[0].InConflict());
    }
    {
      FrontendClaims claims;
      model::ServicePlan early = PlanOf(row.loser);
      EXPECT_EQ(claims.Update(early), Names{});
      EXPECT_EQ(ConflictOf(early), ObjectName());
      model::ServicePlan plan = PlanOf(row.winner);
      EXPECT_EQ(claims.Update(plan), Names{loser}) << "the one that holds it loses it";
      EXPECT_EQ(ConflictOf(plan), ObjectName());
      EXPECT_EQ(claims.Update(early), Names{}) << "judged again, it changes nobody";
      EXPECT_EQ(ConflictOf(early), winner);
    }
  }
}

TEST(FrontendClaimsTest, TheLoserTakesOverWhenTheWinnerGoes) {
  FrontendClaims claims;
  model::ServicePlan winner = PlanOf({"a", 100, kLoadBalancer});
  model::ServicePlan second = PlanOf({"b", 200, kLoadBalancer});
  model::ServicePlan third = PlanOf({"c", 300, kLoadBalancer});
  claims.Update(winner);
  claims.Update(third);
  claims.Update(second);
  EXPECT_EQ(ConflictOf(third), winner.service);

  winner.ports.clear();
  EXPECT_EQ(claims.Update(winner), (Names{second.service, third.service})) << "the third loses to another now";
  EXPECT_EQ(claims.Update(second), Names{});
  EXPECT_EQ(ConflictOf(second), ObjectName());
  EXPECT_EQ(claims.Update(third), Names{});
  EXPECT_EQ(ConflictOf(third), second.service);
}

TEST(FrontendClaimsTest, AWinnerThatMovesAwayFreesTheAddressAndTakesAnother) {
  FrontendClaims claims;
  model::ServicePlan winner = PlanOf({"a", 100, kLoadBalancer});
  model::ServicePlan loser = PlanOf({"b", 200, kLoadBalancer});
  model::ServicePlan other = PlanOf({"c", 300, kLoadBalancer}, "203.0.113.2");
  claims.Update(winner);
  claims.Update(loser);
  claims.Update(other);
  winner = PlanOf({"a", 100, kLoadBalancer}, "203.0.113.2");
  EXPECT_EQ(claims.Update(winner), (Names{loser.service, other.service}));
  EXPECT_EQ(ConflictOf(winner), ObjectName());
}

TEST(FrontendClaimsTest, AChangeOfKindOrAgeMovesTheClaim) {
  FrontendClaims claims;
  model::ServicePlan first = PlanOf({"a", 100, kLoadBalancer});
  model::ServicePlan second = PlanOf({"b", 200, kLoadBalancer});
  claims.Update(first);
  claims.Update(second);
  first = PlanOf({"a", 100, kExternalIp});
  EXPECT_EQ(claims.Update(first), Names{second.service});
  EXPECT_EQ(ConflictOf(first), second.service);
  first = PlanOf({"a", 100, kLoadBalancer});
  EXPECT_EQ(claims.Update(first), Names{second.service});
  EXPECT_EQ(ConflictOf(first), ObjectName());
}

TEST(FrontendClaimsTest, OtherPortsAndProtocolsAreOtherFrontends) {
  FrontendClaims claims;
  model::ServicePlan first = PlanOf({"a", 100, kLoadBalancer});
  model::ServicePlan other_port = PlanOf({"b", 200, kLoadBalancer}, "203.0.113.1", 81);
  model::ServicePlan other_protocol = PlanOf({"c", 200, kLoadBalancer});
  other_protocol.ports[0].frontends[0].address.protocol = model::Protocol::kUdp;
  for (model::ServicePlan* plan : {&first, &other_port, &other_protocol}) {
    EXPECT_EQ(claims.Update(*plan), Names{});
    EXPECT_EQ(ConflictOf(*plan), ObjectName());
  }
}

TEST(FrontendClaimsTest, AStaleConflictInThePlanIsOverwritten) {
  FrontendClaims claims;
  model::ServicePlan plan = PlanOf({"a", 100, kLoadBalancer});
  plan.ports[0].frontends[0].conflict_with = {"gone", "web"};
  claims.Update(plan);
  EXPECT_EQ(ConflictOf(plan), ObjectName());
}

// Random histories: once every returned Service has been updated again, the verdicts are those of a fresh start.
TEST(FrontendClaimsTest, AnyHistoryEndsAsAFreshStartWould) {
  const uint32_t seed = seeds::Usually(7);
  SCOPED_TRACE(seeds::Trace(seed));
  std::mt19937 random(seed);
  constexpr const char* kNamespaces[] = {"a", "b", "c", "d", "e"};
  constexpr const char* kAddresses[] = {"203.0.113.1", "203.0.113.2", "203.0.113.3"};
  FrontendClaims claims;
  std::map<ObjectName, model::ServicePlan> plans;
  for (int step = 0; step < 3000; ++step) {
    const Claimant claimant = {kNamespaces[random() % 5], static_cast<int64_t>(random() % 3),
                               static_cast<model::FrontendKind>(1 + random() % 4)};
    model::ServicePlan plan = PlanOf(claimant, kAddresses[random() % 3]);
    if (random() % 2 == 0) {
      const model::PortPlan second = PlanOf(claimant, kAddresses[random() % 3], 81).ports[0];
      plan.ports.push_back(second);
    }
    if (random() % 5 == 0) plan.ports.clear();
    std::set<ObjectName> again;
    for (const ObjectName& name : claims.Update(plan)) again.insert(name);
    plans[plan.service] = plan;
    for (const ObjectName& name : again) EXPECT_EQ(claims.Update(plans[name]), Names{});

    FrontendClaims fresh;
    std::map<ObjectName, model::ServicePlan> expected = plans;
    for (auto& [name, other] : expected) fresh.Update(other);
    for (auto& [name, other] : expected) fresh.Update(other);
    ASSERT_EQ(plans, expected) << "step " << step;
  }
}

}  // namespace
}  // namespace shunt::planner
