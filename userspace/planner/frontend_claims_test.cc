// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/frontend_claims.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "tests/seeds.h"
#include "userspace/planner/testing/test_objects.h"

namespace shunt::planner {
namespace {

using model::ObjectName;
using Names = std::vector<ObjectName>;

// Updates with no limit on who changes.
class Claims : public FrontendClaims {
 public:
  using FrontendClaims::Update;
  Names Update(model::ServicePlan& plan) {
    return FrontendClaims::Update(plan, [](const ObjectName&) { return true; }).changed;
  }
};

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
  return plan.ports[0].frontends[0].conflict_with.Name();
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
      Claims claims;
      model::ServicePlan plan = PlanOf(row.winner);
      EXPECT_EQ(claims.Update(plan), Names{});
      EXPECT_EQ(ConflictOf(plan), ObjectName());
      model::ServicePlan late = PlanOf(row.loser);
      EXPECT_EQ(claims.Update(late), Names{}) << "a loser that comes changes nobody";
      EXPECT_EQ(ConflictOf(late), winner);
      EXPECT_TRUE(late.ports[0].frontends[0].InConflict());
    }
    {
      Claims claims;
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
  Claims claims;
  model::ServicePlan winner = PlanOf({"a", 100, kLoadBalancer});
  model::ServicePlan second = PlanOf({"b", 200, kLoadBalancer});
  model::ServicePlan third = PlanOf({"c", 300, kLoadBalancer});
  claims.Update(winner);
  claims.Update(third);
  claims.Update(second);
  EXPECT_EQ(ConflictOf(third), winner.service);

  winner.ports.clear();
  EXPECT_EQ(claims.Update(winner), Names{second.service});
  EXPECT_EQ(ConflictOf(third), second.service) << "the third loses to another now, and its plan says so as it is";
  EXPECT_EQ(claims.Update(second), Names{});
  EXPECT_EQ(ConflictOf(second), ObjectName());
  EXPECT_EQ(claims.Update(third), Names{});
  EXPECT_EQ(ConflictOf(third), second.service);
}

TEST(FrontendClaimsTest, ALoserFollowsAHolderThatChangesItsRank) {
  Claims claims;
  model::ServicePlan holder = PlanOf({"a", 100, kLoadBalancer});
  model::ServicePlan loser = PlanOf({"c", 300, kLoadBalancer});
  claims.Update(holder);
  claims.Update(loser);
  holder = PlanOf({"a", 100, kClusterIp});
  EXPECT_EQ(claims.Update(holder), Names{}) << "it holds the frontend as before";
  model::ServicePlan better = PlanOf({"b", 50, kClusterIp});
  EXPECT_EQ(claims.Update(better), Names{holder.service});
  EXPECT_EQ(ConflictOf(loser), better.service);
}

// Plans of one namespace that all claim the same addresses; the lower the number, the older.
model::ServicePlan SharedPlan(int number, int addresses, int first_address = 0) {
  model::ServicePlan plan;
  plan.service = {"tenant", absl::StrCat("service-", number)};
  plan.creation_time_s = 1000 + number;
  model::PortPlan port;
  for (int i = 0; i < addresses; ++i) {
    model::Frontend frontend;
    frontend.address = {model::IpAddress::FromV4(0xcb000000 + first_address + i), 80, model::Protocol::kTcp};
    frontend.kind = kExternalIp;
    port.frontends.push_back(frontend);
  }
  plan.ports.push_back(port);
  return plan;
}

TEST(FrontendClaimsTest, TheCostOfAToggleDoesNotDependOnHowManyShareTheAddresses) {
  constexpr int kServices = 300;
  constexpr int kAddresses = 256;
  Claims claims;
  std::vector<model::ServicePlan> plans;
  for (int i = 0; i < kServices; ++i) plans.push_back(SharedPlan(i, kAddresses));
  for (model::ServicePlan& plan : plans) EXPECT_EQ(claims.Update(plan), Names{});
  for (int round = 0; round < 2; ++round) {
    uint64_t moves = claims.moves();
    model::ServicePlan gone = {.service = plans[0].service};
    EXPECT_EQ(claims.Update(gone), Names{plans[1].service}) << "one Service takes over, and 298 lose as before";
    EXPECT_EQ(claims.moves() - moves, kAddresses);
    EXPECT_EQ(ConflictOf(plans[299]), plans[1].service);

    moves = claims.moves();
    EXPECT_EQ(claims.Update(plans[0]), Names{plans[1].service});
    EXPECT_EQ(claims.moves() - moves, kAddresses);
    EXPECT_EQ(ConflictOf(plans[299]), plans[0].service);
  }
  const uint64_t moves = claims.moves();
  EXPECT_EQ(claims.Update(plans[0]), Names{});
  EXPECT_EQ(claims.moves(), moves) << "an endpoint's change moves no claim";
  plans[0].ports[0].frontends.pop_back();
  EXPECT_EQ(claims.Update(plans[0]), Names{plans[1].service});
  EXPECT_EQ(claims.moves() - moves, 1u) << "only what differs";
}

// A Service with many frontends goes, and each has another heir: the heirs come a few at a time.
TEST(FrontendClaimsTest, FrontendsAreHandedOverAsFastAsOthersMayChange) {
  constexpr int kHeirs = 10;
  Claims claims;
  const model::ServicePlan all = SharedPlan(0, kHeirs);
  model::ServicePlan plan = all;
  std::vector<model::ServicePlan> heirs;
  for (int i = 0; i < kHeirs; ++i) heirs.push_back(SharedPlan(1 + i, 1, i));
  claims.Update(plan);
  for (model::ServicePlan& heir : heirs) claims.Update(heir);

  const auto update = [&](model::ServicePlan& next, int allowed) {
    return claims.Update(next, [&](const ObjectName&) { return allowed-- > 0; });
  };
  const auto held = [&](model::ServicePlan& judged) {
    claims.Judge(judged);
    const auto& frontends = judged.ports[0].frontends;
    return std::count_if(frontends.begin(), frontends.end(), [](const auto& f) { return !f.InConflict(); });
  };
  std::set<ObjectName> changed;
  for (int left = kHeirs; left > 0;) {
    model::ServicePlan gone = {.service = all.service};
    const FrontendClaims::Result result = update(gone, 4);
    EXPECT_EQ(result.changed.size(), static_cast<size_t>(std::min(4, left)));
    changed.insert(result.changed.begin(), result.changed.end());
    left -= std::min(4, left);
    EXPECT_EQ(result.complete, left == 0);
    EXPECT_EQ(result.keeps_old, left > 0);
    EXPECT_EQ(held(plan), left) << "what nobody has taken stays with its Service";
  }
  EXPECT_EQ(changed.size(), static_cast<size_t>(kHeirs));

  // And back.
  for (int taken = 4; taken < kHeirs + 4; taken += 4) {
    model::ServicePlan next = all;
    const FrontendClaims::Result result = update(next, 4);
    EXPECT_EQ(result.complete, taken >= kHeirs);
    EXPECT_FALSE(result.keeps_old);
    EXPECT_EQ(held(next), std::min(taken, kHeirs));
  }
  claims.Judge(heirs[9]);
  EXPECT_EQ(ConflictOf(heirs[9]), all.service);
}

TEST(FrontendClaimsTest, AWinnerThatMovesAwayFreesTheAddressAndTakesAnother) {
  Claims claims;
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
  Claims claims;
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
  Claims claims;
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
  Claims claims;
  model::ServicePlan plan = PlanOf({"a", 100, kLoadBalancer});
  plan.ports[0].frontends[0].conflict_with = {"gone", "web"};
  claims.Update(plan);
  EXPECT_EQ(ConflictOf(plan), ObjectName());
}

// Random histories, a few changed Services at a time: once every returned one has been updated again, the verdicts are
// those of a fresh start.
TEST(FrontendClaimsTest, AnyHistoryEndsAsAFreshStartWould) {
  const uint32_t seed = seeds::Usually(7);
  SCOPED_TRACE(seeds::Trace(seed));
  std::mt19937 random(seed);
  constexpr const char* kNamespaces[] = {"a", "b", "c", "d", "e"};
  constexpr const char* kAddresses[] = {"203.0.113.1", "203.0.113.2", "203.0.113.3"};
  Claims claims;
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
    FrontendClaims::Result result{.changed = {}, .complete = false};
    while (!result.complete) {
      uint32_t allowed = 1 + random() % 3;
      result = claims.Update(plan, [&](const ObjectName&) { return allowed-- > 0; });
      again.insert(result.changed.begin(), result.changed.end());
    }
    plans[plan.service] = plan;
    for (const ObjectName& name : again) EXPECT_EQ(claims.Update(plans[name]), Names{});

    Claims fresh;
    std::map<ObjectName, model::ServicePlan> expected = plans;
    for (auto& [name, other] : expected) fresh.Update(other);
    for (auto& [name, other] : expected) fresh.Update(other);
    ASSERT_EQ(plans, expected) << "step " << step;
  }
}

}  // namespace
}  // namespace shunt::planner
