// SPDX-License-Identifier: Apache-2.0
// Plans that do not fit, and what a change costs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/testing/table_fixture.h"
#include "userspace/model/ip_address.h"

namespace shunt::datapath {
namespace {

using testing::HasSubstr;
using testing::Not;

using LimitsTest = TableFixture;

model::ServicePlan Plan(int number, std::initializer_list<absl::string_view> backends) {
  return MakePlan(absl::StrCat("s", number), absl::StrCat("10.96.0.", number), 80, MakePool(backends, 8080));
}

// Each limit is one too few for two Services with two backends each.
TEST_F(LimitsTest, APlanThatDoesNotFitFailsWholeByNameAndTheOthersAreApplied) {
  struct Case {
    uint32_t Limits::* limit;
    uint32_t rows;
    const char* message;
  };
  const Case cases[] = {
      {&Limits::frontends, 3, "map frontend_rows needs 2 more rows, 1 of 3 are free (limits.frontends)"},
      {&Limits::service_ports, 1, "map service_ports needs 1 more row, 0 of 1 are free (limits.servicePorts)"},
      {&Limits::pools, 1, "map pools needs 1 more row, 0 of 1 are free (limits.pools)"},
      {&Limits::slots, 3, "map slots needs 2 more rows, 1 of 3 are free (limits.slots)"},
      {&Limits::backends, 3, "map backends needs 2 more rows, 1 of 3 are free (limits.backends)"},
  };
  for (const Case& c : cases) {
    Limits limits = kLimits;
    limits.*c.limit = c.rows;
    Create(limits);
    const auto failures =
        Apply({Plan(1, {"10.244.0.1", "10.244.0.2"}), Plan(2, {"10.244.0.3", "10.244.0.4"})}, ApplyScope::kAll);
    ASSERT_EQ(failures.size(), 1u) << c.message;
    EXPECT_EQ(failures[0].service.ToString(), "default/s2");
    EXPECT_EQ(failures[0].status.code(), absl::StatusCode::kResourceExhausted) << failures[0].status;
    EXPECT_THAT(std::string(failures[0].status.message()), HasSubstr("apply Service default/s2: does not fit"));
    EXPECT_THAT(std::string(failures[0].status.message()), HasSubstr(c.message));
    EXPECT_EQ(Backends("10.96.0.1", 80), "10.244.0.1 10.244.0.2") << c.message;
    EXPECT_EQ(Read("10.96.0.2", 80).outcome, Outcome::kNotAService) << c.message;
    // The failed one has left nothing behind: alone it fits.
    MustApply({Plan(2, {"10.244.0.3", "10.244.0.4"})}, ApplyScope::kAll);
    EXPECT_EQ(Backends("10.96.0.2", 80), "10.244.0.3 10.244.0.4") << c.message;
    ASSERT_FALSE(HasFailure()) << c.message;
  }
}

TEST_F(LimitsTest, TheMessageNamesEveryMapThatLacksRows) {
  Limits limits = kLimits;
  limits.slots = 2;
  limits.backends = 2;
  Create(limits);
  const auto failures = Apply({Plan(1, {"10.244.0.1", "10.244.0.2", "10.244.0.3"})});
  ASSERT_EQ(failures.size(), 1u);
  const std::string message(failures[0].status.message());
  EXPECT_THAT(message, HasSubstr("map slots needs 3 more rows, 2 of 2 are free"));
  EXPECT_THAT(message, HasSubstr("map backends needs 3 more rows, 2 of 2 are free"));
  EXPECT_THAT(message, Not(HasSubstr("pools")));
}

TEST_F(LimitsTest, FreeSlotsThatLieApartAreSaidToLieApart) {
  Limits limits = kLimits;
  limits.slots = 6;
  Create(limits);
  MustApply({Plan(1, {"10.244.0.1", "10.244.0.2"}), Plan(2, {"10.244.0.1", "10.244.0.2"}),
             Plan(3, {"10.244.0.1", "10.244.0.2"})});
  MustApply({MakePlan("s1", {}), MakePlan("s3", {})});
  const auto failures = Apply({Plan(4, {"10.244.0.1", "10.244.0.2", "10.244.0.3"})});
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_THAT(
      std::string(failures[0].status.message()),
      HasSubstr("map slots needs 3 rows in one run, the longest free run has 2 (4 of 6 are free; limits.slots)"));
}

TEST_F(LimitsTest, AChangeThatFitsOnlyAfterAGracePeriodIsToBeAppliedAgainAndHoldsUpNobody) {
  Limits limits = kLimits;
  limits.slots = 4;
  Create(limits);
  MustApply({Plan(1, {"10.244.0.1", "10.244.0.2"})});
  const int waits = grace_.waits();
  EXPECT_TRUE(ApplyOnce({Plan(1, {"10.244.0.1", "10.244.0.3"})}).empty()) << "the new run fits beside the old one";
  const std::vector<model::ServicePlan> second = {Plan(1, {"10.244.0.2", "10.244.0.3"})};
  for (int i = 0; i < 20; ++i) {
    const auto failures = ApplyOnce(second);
    ASSERT_EQ(failures.size(), 1u);
    EXPECT_TRUE(failures[0].may_fit_soon) << "the first run has to go, however often it is asked about meanwhile";
    EXPECT_EQ(failures[0].status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(Backends("10.96.0.1", 80), "10.244.0.1 10.244.0.3");
  }
  EXPECT_TRUE(ApplyOnce({MakePlan("s1", {})}).empty()) << "another change of it";
  grace_.Pass();
  EXPECT_TRUE(ApplyOnce(second).empty());
  EXPECT_EQ(Backends("10.96.0.1", 80), "10.244.0.2 10.244.0.3");
  EXPECT_EQ(grace_.waits(), waits);
}

TEST_F(LimitsTest, WhatHasNeverRoomFailsAfterAFewTriesAndIsTriedAfreshLater) {
  Limits limits = kLimits;
  limits.slots = 4;
  Create(limits);
  MustApply({Plan(1, {"10.244.0.1"})});
  const std::vector<model::ServicePlan> large = {
      Plan(2, {"10.244.0.1", "10.244.0.2", "10.244.0.3", "10.244.0.4", "10.244.0.5"})};
  ASSERT_EQ(ApplyOnce(large).size(), 1u);
  EXPECT_FALSE(ApplyOnce(large)[0].may_fit_soon) << "nothing is to become free";
  for (int round = 0; round < 2; ++round) {
    int tries = 0;
    bool may_fit_soon = true;
    for (; may_fit_soon && tries < 100; ++tries) {
      MustApply({Plan(1, {tries % 2 == 0 ? "10.244.0.2" : "10.244.0.1"})});  // something is always to become free
      may_fit_soon = ApplyOnce(large)[0].may_fit_soon;
      grace_.Pass();
    }
    EXPECT_EQ(tries, 1 + Refusals::kIdleTriesMax);
  }
}

class FullMapTest : public LimitsTest {
 protected:
  static constexpr int kServices = 40;

  // Applies Services of two slots each, which leave two slots free. changed_ are their next plans.
  void FillButTwoSlots() {
    Limits limits = kLimits;
    limits.slots = 2 * kServices + 2;
    Create(limits);
    std::vector<model::ServicePlan> plans;
    for (int i = 1; i <= kServices; ++i) {
      plans.push_back(Plan(i, {"10.244.0.1", "10.244.0.2"}));
      changed_.push_back(Plan(i, {"10.244.0.2", "10.244.0.3"}));
    }
    MustApply(plans, ApplyScope::kAll);
  }

  std::vector<model::ServicePlan> changed_;
};

// Each Apply publishes one Service's new set.
TEST_F(FullMapTest, AFullMapTakesAFewChangesAtATimeAndOthersFitInBetween) {
  FillButTwoSlots();
  const int waits = grace_.waits();
  int applies = 0;
  while (AnyMayFitSoon(ApplyOnce(changed_))) {
    ASSERT_LT(++applies, 2 * kServices);
    EXPECT_TRUE(ApplyOnce({Plan(100, {})}).empty()) << "it needs no slots";
    EXPECT_EQ(Read("10.96.0.100", 80).outcome, Outcome::kFound);
    EXPECT_TRUE(ApplyOnce({MakePlan("s100", {})}).empty());
    EXPECT_EQ(Read("10.96.0.100", 80).outcome, Outcome::kNotAService);
    grace_.Pass();
  }
  EXPECT_GT(applies, 10);
  EXPECT_EQ(grace_.waits(), waits) << "no Apply has waited";
  for (int i = 1; i <= kServices; ++i) {
    EXPECT_EQ(Backends(absl::StrCat("10.96.0.", i).c_str(), 80), "10.244.0.2 10.244.0.3");
  }
}

// A plan with as many members as two Services of the largest size have, in four sets: of an even number, or of an odd
// one, in which each set has another member in place of one.
model::ServicePlan TwiceTheLargest(uint32_t number) {
  std::vector<model::PortPlan> ports;
  for (uint16_t port = 80; port < 84; ++port) {
    std::vector<model::PoolMember> members;
    for (uint32_t i = 0; i < 25'000; ++i) {
      members.push_back({{model::IpAddress::FromV4(0x0a000000 + i + number % 2), port}, 1});
    }
    ports.push_back(MakePort("10.96.0.1", port, MakePool(std::move(members))));
    ports.back().name = absl::StrCat("p", port);
  }
  return MakePlan("largest", std::move(ports));
}

class LargestTest : public TableFixture {
 protected:
  LargestTest() {
    Limits limits = kLimits;
    limits.slots = 200'000;  // for the sets in force and for new ones
    limits.backends = 110'000;
    Create(limits);
  }
};

TEST_F(LargestTest, FreeingKeepsUpWithChangesOfTheLargestServices) {
  for (uint32_t i = 0; i < 4; ++i) {
    const auto failures = ApplyOnce({TwiceTheLargest(i)});
    ASSERT_TRUE(failures.empty()) << "change " << i << ": " << failures[0].status;
    grace_.Pass();
  }
}

TEST_F(LargestTest, AnIdleAgentFreesABoundedPartAtATime) {
  ASSERT_TRUE(ApplyOnce({TwiceTheLargest(0)}).empty());
  ASSERT_TRUE(ApplyOnce({TwiceTheLargest(1)}).empty());
  ASSERT_TRUE(ApplyOnce({MakePlan("largest", {})}).empty());
  grace_.Pass();
  const std::vector<std::string>& written = Record();
  datapath_->Reclaim();
  EXPECT_LT(written.size(), 1000u) << "the backends of the first sets are in the second ones too";
  datapath_->Reclaim();
  EXPECT_GT(written.size(), 100'000u) << "a row for each backend";
}

TEST_F(LimitsTest, ServicesThatGoFreeTheirRowsInTheSameApply) {
  Limits limits = kLimits;
  limits.pools = 2;
  Create(limits);
  MustApply({Plan(1, {"10.244.0.1"}), Plan(2, {"10.244.0.1"})}, ApplyScope::kAll);
  MustApply({Plan(3, {"10.244.0.3"}), Plan(4, {"10.244.0.4"})}, ApplyScope::kAll);
  EXPECT_EQ(Backends("10.96.0.3", 80), "10.244.0.3");
  EXPECT_EQ(Backends("10.96.0.4", 80), "10.244.0.4");
  EXPECT_EQ(Read("10.96.0.1", 80).outcome, Outcome::kNotAService);
}

TEST_F(LimitsTest, AFrontendLeavesEvenIfItsTakerDoesNotFit) {
  Limits limits = kLimits;
  limits.slots = 3;
  Create(limits);
  MustApply({Plan(1, {"10.244.0.1"})});
  model::ServicePlan taker = Plan(1, {"10.244.0.2", "10.244.0.3", "10.244.0.4", "10.244.0.5"});
  taker.service.name = "taker";
  const auto failures = Apply({MakePlan("s1", {}), taker}, ApplyScope::kAll);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].service.ToString(), "default/taker");
  EXPECT_EQ(Read("10.96.0.1", 80).outcome, Outcome::kNotAService) << "its Service is gone";
}

// A write that frees rows may succeed next time, and then the taker fits.
TEST_F(LimitsTest, AFrontendStaysWhileAWriteFailsThatWouldMakeRoomForItsTaker) {
  Limits limits = kLimits;
  limits.pools = 2;
  Create(limits);
  MustApply({Plan(1, {"10.244.0.1"}), Plan(2, {"10.244.0.2"})});
  MustApply({MakePlan("s2", {})});
  model::ServicePlan taker = Plan(1, {"10.244.0.3"});
  taker.service.name = "taker";
  FailWritesTo("pools");
  const auto failures = ApplyOnce({MakePlan("s1", {}), taker}, ApplyScope::kAll);
  ASSERT_EQ(failures.size(), 2u);
  for (const ServiceFailure& failure : failures) EXPECT_EQ(failure.partners.size(), 1u);
  EXPECT_EQ(Backends("10.96.0.1", 80), "10.244.0.1");
  FailNoWrites();
  MustApply({MakePlan("s1", {}), taker}, ApplyScope::kAll);
  EXPECT_EQ(Backends("10.96.0.1", 80), "10.244.0.3");
}

// Each round publishes one Service's new set into what the round before has retired. The first Apply of all goes
// through all rounds by itself.
TEST_F(FullMapTest, AFullMapTakesChangesAsLongAsEachRoundMakesProgress) {
  FillButTwoSlots();
  EXPECT_TRUE(ApplyOnce(changed_, ApplyScope::kAll).empty());
  for (int i = 1; i <= kServices; ++i) {
    EXPECT_EQ(Backends(absl::StrCat("10.96.0.", i).c_str(), 80), "10.244.0.2 10.244.0.3");
  }
}

// The taker would fit, but one of the Services that it takes a frontend from cannot be applied. The other one's Service
// is gone: its frontend must not lead to its pods until the first one fits.
TEST_F(LimitsTest, AFrontendLeavesEvenIfItsTakerIsRefusedForAnotherGiver) {
  Limits limits = kLimits;
  limits.slots = 6;
  Create(limits);
  MustApply({Plan(1, {"10.244.0.1"}), Plan(2, {"10.244.0.2"})});
  model::ServicePlan grows = MakePlan(
      "s2", "10.96.0.3", 80, MakePool({"10.244.0.3", "10.244.0.4", "10.244.0.5", "10.244.0.6", "10.244.0.7"}, 8080));
  model::PortPlan second = Plan(2, {"10.244.0.8"}).ports[0];
  second.name = "second";
  const model::ServicePlan taker = MakePlan("taker", {Plan(1, {"10.244.0.8"}).ports[0], second});
  const auto failures = Apply({MakePlan("s1", {}), grows, taker}, ApplyScope::kAll);
  ASSERT_EQ(failures.size(), 2u);
  EXPECT_EQ(Read("10.96.0.1", 80).outcome, Outcome::kNotAService) << "its Service is gone";
  EXPECT_EQ(Backends("10.96.0.2", 80), "10.244.0.2") << "its Service keeps what it has";
  for (const ServiceFailure& failure : failures) {
    const bool is_taker = failure.service.name == "taker";
    EXPECT_TRUE(is_taker ? absl::IsFailedPrecondition(failure.status) : absl::IsResourceExhausted(failure.status))
        << failure.status;
    EXPECT_EQ(failure.partners.size(), is_taker ? 2u : 1u);
  }
}

TEST_F(LimitsTest, WithoutGracePeriodsNothingIsReused) {
  Limits limits = kLimits;
  limits.slots = 4;
  Create(limits);
  grace_.set_available(false);
  MustApply({Plan(1, {"10.244.0.1", "10.244.0.2"})});
  MustApply({Plan(1, {"10.244.0.1", "10.244.0.3"})});
  const auto failures = Apply({Plan(1, {"10.244.0.2", "10.244.0.3"})});
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Backends("10.96.0.1", 80), "10.244.0.1 10.244.0.3");
  Restart();
  MustApply({Plan(1, {"10.244.0.2", "10.244.0.3"})});
  EXPECT_EQ(Backends("10.96.0.1", 80), "10.244.0.2 10.244.0.3") << "a new agent may reuse what the old one unlinked";
}

TEST_F(LimitsTest, NodeAddressesThatDoNotFitAreAnErrorAndComeLater) {
  Limits limits = kLimits;
  limits.frontends = 4;
  Create(limits);
  model::PortPlan port = MakePort("10.96.0.1", 80, MakePool({"10.244.0.1"}, 8080));
  port.frontends.push_back(MakeFrontend(model::FrontendKind::kNodePort, "0.0.0.0", 30080));
  MustApply({MakePlan("web", {port})});  // two frontends and a ClusterIP: one row is left
  const absl::Status status = datapath_->SetNodeAddresses({{Ip("203.0.113.5"), false}, {Ip("203.0.113.6"), false}});
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Backends("203.0.113.5", 30080), "10.244.0.1");
  EXPECT_EQ(Read("203.0.113.6", 30080).outcome, Outcome::kNotAService);
  EXPECT_TRUE(datapath_->SetNodeAddresses({{Ip("203.0.113.6"), false}}).ok());
  EXPECT_EQ(Backends("203.0.113.6", 30080), "10.244.0.1");
}

// Counts every call.
class CountingTable final : public Table {
 public:
  CountingTable(std::unique_ptr<Table> table, uint64_t& calls) : table_(std::move(table)), calls_(calls) {}

  absl::string_view name() const override { return table_->name(); }
  uint32_t key_size() const override { return table_->key_size(); }
  uint32_t value_size() const override { return table_->value_size(); }
  uint32_t capacity() const override { return table_->capacity(); }
  absl::Status Store(uint32_t index, Bytes value) override { return Count().Store(index, value); }
  absl::Status StoreWord(uint32_t index, uint32_t word, uint64_t value) override {
    return Count().StoreWord(index, word, value);
  }
  absl::Status Load(uint32_t index, absl::Span<std::byte> value) const override { return Count().Load(index, value); }
  absl::Status Put(Bytes key, Bytes value) override { return Count().Put(key, value); }
  absl::Status Remove(Bytes key) override { return Count().Remove(key); }
  absl::Status ForEach(const std::function<void(Bytes key, Bytes value)>& visit) const override {
    return Count().ForEach(visit);
  }

 private:
  Table& Count() const {
    ++calls_;
    return *table_;
  }

  std::unique_ptr<Table> table_;
  uint64_t& calls_;
};

// Calls of any table for one changed endpoint, beside `others` other Services.
uint64_t CallsOfOneChange(uint32_t others) {
  MemoryMaps maps(
      {.frontends = 4096, .service_ports = 2048, .pools = 2048, .slots = 4096, .backends = 64, .sockets = 64});
  uint64_t calls = 0;
  Tables tables = maps.Open();
  for (std::unique_ptr<Table>* table :
       {&tables.prefix_filter, &tables.frontend_index, &tables.frontend_rows, &tables.pools, &tables.slots,
        &tables.backends, &tables.service_ports, &tables.service_counters, &tables.backend_counters}) {
    *table = std::make_unique<CountingTable>(std::move(*table), calls);
  }
  ManualGrace grace;
  auto datapath = *TableDatapath::Open(std::move(tables), grace);
  std::vector<model::ServicePlan> plans;
  for (uint32_t i = 0; i <= others; ++i) {
    plans.push_back(MakePlan(absl::StrCat("s", i), absl::StrCat("10.96.", i / 250, ".", 1 + i % 250), 80,
                             MakePool({"10.244.0.1", "10.244.0.2"}, 8080)));
  }
  std::vector<const model::ServicePlan*> all;
  for (const model::ServicePlan& plan : plans) all.push_back(&plan);
  EXPECT_TRUE(datapath->Apply(all, ApplyScope::kAll).empty());
  calls = 0;
  plans[0].ports[0].pools[0] = MakePool({"10.244.0.1", "10.244.0.3"}, 8080);
  EXPECT_TRUE(datapath->Apply({all.data(), 1}, ApplyScope::kChanged).empty());
  return calls;
}

TEST(CostTest, OneChangedEndpointCostsTheSameBesideAnyNumberOfServices) {
  const uint64_t alone = CallsOfOneChange(0);
  EXPECT_LT(alone, 20u);
  EXPECT_EQ(CallsOfOneChange(1000), alone);
}

}  // namespace
}  // namespace shunt::datapath
