// SPDX-License-Identifier: Apache-2.0
#include "userspace/agent/control/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace shunt::agent {
namespace {

using testing::ElementsAre;

model::ObjectName Name(int n) {
  return {"shop", absl::StrFormat("service-%04d", n)};
}

std::shared_ptr<model::ServicePlan> Plan(const model::ObjectName& name, int frontends = 1) {
  auto plan = std::make_shared<model::ServicePlan>();
  plan->service = name;
  if (frontends > 0) plan->ports.emplace_back();
  for (int i = 0; i < frontends; ++i) {
    model::Frontend frontend;
    frontend.address = {model::IpAddress::FromV4(0x0a600001 + i), 80, model::Protocol::kTcp};
    plan->ports[0].frontends.push_back(frontend);
  }
  return plan;
}

TEST(LedgerTest, TotalsFollowEveryChange) {
  Ledger ledger;
  const auto totals = [&] {
    const Ledger::Totals t = ledger.totals();
    return std::vector<uint32_t>{t.services, t.frontends, t.failed};
  };
  ledger.Record(Plan(Name(1), 3), absl::OkStatus());
  ledger.Record(Plan(Name(2), 1), absl::ResourceExhaustedError("full"));
  EXPECT_THAT(totals(), ElementsAre(1, 3, 1)) << "the kernel has nothing of a plan that it did not take";
  ledger.Record(Plan(Name(3), 0), absl::OkStatus());
  EXPECT_THAT(totals(), ElementsAre(1, 3, 1)) << "a headless Service has nothing in the kernel";
  ledger.Record(Plan(Name(1), 1), absl::OkStatus());
  EXPECT_THAT(totals(), ElementsAre(1, 1, 1)) << "replaced, not added";
  ledger.Record(Plan(Name(2), 1), absl::OkStatus());
  EXPECT_THAT(totals(), ElementsAre(2, 2, 0));
  auto in_conflict = Plan(Name(1), 2);
  in_conflict->ports[0].frontends[1].conflict_with = Name(2);
  ledger.Record(in_conflict, absl::OkStatus());
  EXPECT_THAT(totals(), ElementsAre(2, 2, 0)) << "a frontend in conflict is not one of its own";
  auto left_to_the_node = Plan(Name(1), 2);
  left_to_the_node->ports[0].frontends[0].verdict = model::FrontendVerdict::kLocalAddress;
  ledger.Record(left_to_the_node, absl::OkStatus());
  EXPECT_THAT(totals(), ElementsAre(2, 2, 0)) << "nor is one that is left to the node in the kernel";
  ledger.Erase(Name(1));
  ledger.Erase(Name(1));
  ledger.Erase(Name(2));
  EXPECT_THAT(totals(), ElementsAre(0, 0, 0));
}

TEST(LedgerTest, AServiceThatFailsKeepsWhatTheKernelHadOfIt) {
  Ledger ledger;
  const auto totals = [&] {
    const Ledger::Totals t = ledger.totals();
    return std::vector<uint32_t>{t.services, t.frontends, t.failed};
  };
  ledger.Record(Plan(Name(1), 2), absl::OkStatus());
  ledger.Record(Plan(Name(1), 5), absl::ResourceExhaustedError("full"));
  EXPECT_THAT(totals(), ElementsAre(1, 2, 1)) << "the larger plan did not fit, the smaller one is in force";
  ledger.Record(Plan(Name(1), 6), absl::ResourceExhaustedError("full"));
  EXPECT_THAT(totals(), ElementsAre(1, 2, 1));
  ledger.Record(Plan(Name(1), 0), absl::UnavailableError("busy"));
  EXPECT_THAT(totals(), ElementsAre(1, 2, 1)) << "it could not be removed";
  ledger.Record(Plan(Name(1), 5), absl::OkStatus());
  EXPECT_THAT(totals(), ElementsAre(1, 5, 0));
  ledger.Record(Plan(Name(1), 6), absl::UnavailableError("busy"));
  ledger.Erase(Name(1));
  EXPECT_THAT(totals(), ElementsAre(0, 0, 0));
}

TEST(LedgerTest, PortsThatMissLocallyCountOnceForEachPolicy) {
  Ledger ledger;
  auto plan = Plan(Name(1), 3);
  model::PortPlan& port = plan->ports[0];
  port.family = model::IpFamily::kV6;
  port.frontends[1].kind = model::FrontendKind::kNodePort;
  port.frontends[2].kind = model::FrontendKind::kLoadBalancer;
  for (model::Frontend& frontend : port.frontends) frontend.external_pool = 1;
  port.pools = {{.slots = {{}}}, {.empty = model::EmptyPool::kLocalMiss}};
  ledger.Record(plan, absl::OkStatus());
  EXPECT_THAT(ledger.totals().local_misses.internal, ElementsAre(0, 0)) << "the ClusterIP has the other pool";
  EXPECT_THAT(ledger.totals().local_misses.external, ElementsAre(0, 1));
  auto other = std::make_shared<model::ServicePlan>(*plan);
  other->ports[0].frontends[0].internal_pool = 1;
  other->ports[0].pools[1].empty = model::EmptyPool::kLocalMiss;
  ledger.Record(other, absl::OkStatus());
  EXPECT_THAT(ledger.totals().local_misses.internal, ElementsAre(0, 1));
  auto nowhere = std::make_shared<model::ServicePlan>(*other);
  nowhere->ports[0].pools[1].empty = model::EmptyPool::kNoEndpoints;
  ledger.Record(nowhere, absl::OkStatus());
  EXPECT_THAT(ledger.totals().local_misses.internal, ElementsAre(0, 0)) << "there is none anywhere";
  EXPECT_THAT(ledger.totals().local_misses.external, ElementsAre(0, 0));
}

TEST(LedgerTest, KnowsTheServicesWithAHealthCheckNodePort) {
  Ledger ledger;
  ledger.Record(Plan(Name(1)), absl::OkStatus());
  auto checked = Plan(Name(2));
  checked->health_check_node_port = 32000;
  checked->local_ready_v4 = 3;
  checked->local_ready_v6 = 0;
  ledger.Record(checked, absl::UnavailableError("busy"));
  EXPECT_THAT(ledger.HealthChecks(), ElementsAre(report::ServiceHealth{Name(2), 32000, model::IpFamily::kV4, 3},
                                                 report::ServiceHealth{Name(2), 32000, model::IpFamily::kV6, 0}));
  ledger.Record(Plan(Name(2)), absl::OkStatus());
  EXPECT_TRUE(ledger.HealthChecks().empty());
  ledger.Record(checked, absl::OkStatus());
  ledger.Erase(Name(2));
  EXPECT_TRUE(ledger.HealthChecks().empty());
}

TEST(LedgerTest, PagesInNameOrder) {
  Ledger ledger;
  for (const int n : {5, 1, 4, 2, 3}) ledger.Record(Plan(Name(n)), absl::OkStatus());
  const auto names = [](const std::vector<Ledger::Entry>& page) {
    std::vector<std::string> text;
    for (const Ledger::Entry& entry : page) text.push_back(entry.plan->service.name);
    return text;
  };
  EXPECT_THAT(names(ledger.PageAfter(nullptr, 2)), ElementsAre("service-0001", "service-0002"));
  const model::ObjectName second = Name(2);
  EXPECT_THAT(names(ledger.PageAfter(&second, 10)), ElementsAre("service-0003", "service-0004", "service-0005"));
  ledger.Erase(Name(2));
  EXPECT_THAT(names(ledger.PageAfter(&second, 1)), ElementsAre("service-0003")) << "the page's end is gone meanwhile";
  const model::ObjectName last = Name(5);
  EXPECT_TRUE(ledger.PageAfter(&last, 10).empty());
}

TEST(LedgerTest, ProblemsAreTheNodesAndWarningsTheServices) {
  Ledger ledger;
  auto plan = Plan(Name(1), 2);
  plan->ports[0].frontends[0].conflict_with = {"other", "older"};
  plan->warnings = {"port 81: no endpoint has a port named web"};
  ledger.Record(plan, absl::OkStatus());
  EXPECT_TRUE(ledger.Problems(10).empty()) << "nothing is wrong with the node";
  EXPECT_EQ(ledger.totals().warned, (report::WarnedServices{1, 0, 0, 1}));
  ledger.Record(plan, absl::ResourceExhaustedError("map slots: 10 rows needed, 3 left"));
  ledger.Record(Plan(Name(2)), absl::OkStatus());
  std::vector<std::string> lines;
  for (const report::StatusProblem& p : ledger.Problems(10)) lines.push_back(absl::StrCat(p.where, ": ", p.what));
  for (const report::ServiceWarning& w : ledger.Warnings(10))
    lines.push_back(absl::StrCat(w.service.name, " ", w.what));
  EXPECT_THAT(lines,
              ElementsAre("Service shop/service-0001: not in the kernel, will be retried: "
                          "map slots: 10 rows needed, 3 left",
                          "service-0001 frontend 10.96.0.1:80/TCP belongs to Service other/older and is not served "
                          "for this one",
                          "service-0001 port 81: no endpoint has a port named web"));
}

TEST(LedgerTest, ProblemsAndWarningsSayHowManyMoreThereAre) {
  Ledger ledger;
  auto plan = Plan(Name(1));
  plan->warnings = {"one", "two", "three"};
  ledger.Record(plan, absl::UnavailableError("busy"));

  for (int n = 2; n < 50; ++n) ledger.Record(Plan(Name(n)), absl::UnavailableError("busy"));
  const std::vector<report::StatusProblem> capped = ledger.Problems(5);
  ASSERT_EQ(capped.size(), 6u);
  EXPECT_EQ(capped[4].where, "Service shop/service-0005");
  EXPECT_EQ(capped[5].what, "and 44 more Services with problems");
  EXPECT_THAT(ledger.Warnings(2),
              ElementsAre(report::ServiceWarning{Name(1), report::WarningKind::kObject,
                                                 "one; 2 more of this kind: see `shuntctl service show "
                                                 "shop/service-0001`"}));
  for (int n = 2; n < 50; ++n) {
    plan = Plan(Name(n));
    plan->warnings = {"one"};
    ledger.Record(plan, absl::OkStatus());
  }
  const std::vector<report::ServiceWarning> warnings = ledger.Warnings(5);
  ASSERT_EQ(warnings.size(), 6u);
  EXPECT_EQ(warnings[4].service, Name(5));
  EXPECT_EQ(warnings[5], (report::ServiceWarning{.what = "and 44 more Services with warnings"}));
  EXPECT_EQ(ledger.Warnings(48).back().what, "and 1 more Service with warnings");
  ledger.Erase(Name(1));
  for (int n = 2; n < 50; ++n) ledger.Record(Plan(Name(n)), absl::OkStatus());
  EXPECT_TRUE(ledger.Problems(5).empty()) << "all is well again";
  EXPECT_TRUE(ledger.Warnings(5).empty());
  EXPECT_EQ(ledger.totals().warned, report::WarnedServices{});
}

TEST(LedgerTest, ReadersSeeWholeEntriesWhileTheLoopWrites) {
  Ledger ledger;
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int round = 1; !stop; ++round) {
      for (int n = 0; n < 50; ++n) {
        // An entry whose plan has `round` warnings is applied iff `round` is even.
        auto plan = Plan(Name(n), 1);
        plan->warnings.assign(round % 8, "w");
        ledger.Record(plan, round % 2 == 0 ? absl::OkStatus() : absl::UnavailableError("odd"));
      }
    }
  });
  while (ledger.totals().services < 50) std::this_thread::yield();
  for (int i = 0; i < 300; ++i) {
    for (const Ledger::Entry& entry : ledger.PageAfter(nullptr, 100)) {
      EXPECT_EQ(entry.applied.ok(), entry.plan->warnings.size() % 2 == 0);
    }
    EXPECT_LE(ledger.Problems(10).size(), 11u);
  }
  stop = true;
  writer.join();
}

}  // namespace
}  // namespace shunt::agent
