// SPDX-License-Identifier: Apache-2.0
// Random histories of random Services, watched after every single write; see testing/watched_world.h.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/seeds.h"
#include "userspace/datapath/testing/watched_world.h"
#include "userspace/datapath/testing/world.h"

namespace shunt::datapath {
namespace {

// Small enough that ids come round quickly.
constexpr Limits kLimits = {.frontends = 96,
                            .service_ports = 40,
                            .pools = 80,
                            .slots = 400,
                            .backends = 24,
                            .sockets = 64,
                            .socket_peers = 8,
                            .affinities = 8};

std::vector<const model::ServicePlan*> PlansOf(const World& world, const std::vector<model::ObjectName>& names) {
  std::vector<const model::ServicePlan*> plans;
  for (const model::ObjectName& name : names) plans.push_back(&world.plans.at(name));
  return plans;
}

std::string FailuresText(const std::vector<ServiceFailure>& failures) {
  std::string text;
  for (const ServiceFailure& failure : failures) absl::StrAppend(&text, "\n  ", failure.status.ToString());
  return text;
}

// An inspection takes nothing that Apply has written for a difference.
Inspected InspectAll(TableDatapath& datapath, const World& world) {
  Inspected found = Inspected::kMore;
  while (found == Inspected::kMore) {
    found = datapath.Inspect(7, [&](const model::ObjectName& name) -> std::optional<const model::ServicePlan*> {
      const auto plan = world.plans.find(name);
      return plan == world.plans.end() ? nullptr : &plan->second;
    });
  }
  return found;
}

// No failure, every destination reads right, and doing it again writes nothing.
void ApplyAndSettle(WatchedWorld& watched, const World& world, const std::vector<model::ObjectName>& changed,
                    ApplyScope scope) {
  watched.Expect(world);
  const auto plans = scope == ApplyScope::kAll ? world.AllPlans() : PlansOf(world, changed);
  std::vector<ServiceFailure> failures = watched.datapath().Apply(plans, scope);
  while (!failures.empty() && failures[0].may_fit_soon) {
    watched.grace().Pass();
    failures = watched.datapath().Apply(plans, ApplyScope::kChanged);
  }
  ASSERT_TRUE(failures.empty()) << FailuresText(failures);
  watched.Settle();
  EXPECT_EQ(InspectAll(watched.datapath(), world), Inspected::kAgrees);
}

TEST(HistoryTest, EveryReadingAfterEveryWriteIsOldOrNew) {
  for (const uint32_t seed : seeds::UpTo(6)) {
    SCOPED_TRACE(seeds::Trace(seed));
    RandomWorld random(seed);
    WatchedWorld watched(kLimits, seed);
    World world;
    for (int step = 0; step < 60 && !watched.failed(); ++step) {
      watched.set_step(absl::StrCat("seed ", seed, " step ", step));
      if (random.Draw(8) == 0) {
        random.StepNode(world);
        watched.Expect(world);
        ASSERT_TRUE(watched.datapath().SetNodeAddresses(world.node_addresses).ok());
        watched.Settle();
      }
      const std::vector<model::ObjectName> changed = random.Step(world);
      ApplyAndSettle(watched, world, changed, random.Draw(4) == 0 ? ApplyScope::kAll : ApplyScope::kChanged);
      if (random.Draw(3) != 0) watched.grace().Pass();
      if (random.Draw(3) == 0) watched.datapath().Reclaim();
    }
    watched.CheckLeavesNothing();
    if (watched.failed() || HasFatalFailure()) return;
  }
}

TEST(HistoryTest, AnUnchangedWorldCausesNoWrite) {
  for (const uint32_t seed : seeds::UpTo(10)) {
    SCOPED_TRACE(seeds::Trace(seed));
    RandomWorld random(seed);
    WatchedWorld watched(kLimits, seed);
    World world;
    random.StepNode(world);
    watched.Expect(world);
    ASSERT_TRUE(watched.datapath().SetNodeAddresses(world.node_addresses).ok());
    for (int step = 0; step < 10; ++step) {
      ApplyAndSettle(watched, world, random.Step(world), ApplyScope::kChanged);
      watched.grace().Pass();
      watched.datapath().Reclaim();
      const uint64_t before = watched.writes();
      ASSERT_TRUE(watched.datapath().Apply(world.AllPlans(), ApplyScope::kAll).empty());
      ASSERT_TRUE(watched.datapath().SetNodeAddresses(world.node_addresses).ok());
      watched.datapath().Reclaim();
      EXPECT_EQ(watched.writes(), before) << "by the same agent";
      watched.Restart();
      ASSERT_TRUE(watched.datapath().SetNodeAddresses(world.node_addresses).ok());
      ASSERT_TRUE(watched.datapath().Apply(world.AllPlans(), ApplyScope::kAll).empty());
      watched.datapath().Reclaim();
      EXPECT_EQ(watched.writes(), before) << "by its successor";
      if (HasFailure()) return;
    }
  }
}

TEST(HistoryTest, AnAgentKilledAfterAnyWriteLeavesAValidReadingAndItsSuccessorFinishes) {
  for (const uint32_t seed : seeds::UpTo(5)) {
    SCOPED_TRACE(seeds::Trace(seed));
    RandomWorld random(seed);
    World old_world;
    random.StepNode(old_world);
    for (int i = 0; i < 4; ++i) random.Step(old_world);
    auto maps = std::make_unique<MemoryMaps>(kLimits);
    {
      ManualGrace grace;
      auto datapath = TableDatapath::Open(maps->Open(), grace);
      ASSERT_TRUE(datapath.ok());
      ASSERT_TRUE((*datapath)->SetNodeAddresses(old_world.node_addresses).ok());
      ASSERT_TRUE((*datapath)->Apply(old_world.AllPlans(), ApplyScope::kAll).empty());
    }
    World new_world = old_world;
    for (int i = 0; i < 3; ++i) random.Step(new_world);
    for (uint64_t prefix = 0, killed = 1; killed != 0; ++prefix) {
      std::unique_ptr<MemoryMaps> copy = maps->Clone();
      uint64_t writes = 0;
      killed = 0;
      {
        ManualGrace grace;
        auto datapath = TableDatapath::Open(copy->Open(), grace);
        ASSERT_TRUE(datapath.ok());
        // A killed process writes nothing more, whatever it does.
        copy->hooks().before = [&](absl::string_view) {
          if (writes++ < prefix) return absl::OkStatus();
          ++killed;
          return absl::UnavailableError("killed");
        };
        (*datapath)->Apply(new_world.AllPlans(), ApplyScope::kAll);
        copy->hooks() = {};
      }
      WatchedWorld watched(std::move(copy), {old_world, new_world}, seed);
      watched.set_step(absl::StrCat("seed ", seed, " killed after ", prefix, " writes"));
      // The successor may have to wait for its Services; what it does meanwhile must not finish half of a Service.
      watched.datapath().Reclaim();
      // Without a NodePort the maps do not say which addresses are the node's.
      ASSERT_TRUE(watched.datapath().SetNodeAddresses(new_world.node_addresses).ok());
      ASSERT_FALSE(watched.failed());
      const auto failures = watched.datapath().Apply(new_world.AllPlans(), ApplyScope::kAll);
      ASSERT_TRUE(failures.empty()) << FailuresText(failures);
      watched.Settle();
      ASSERT_FALSE(watched.failed());
    }
  }
}

// Plays one history in which one write of twelve fails, at random.
void PlayWithWriteErrors(uint32_t seed) {
  SCOPED_TRACE(seeds::Trace(seed));
  RandomWorld random(seed);
  RandomWorld errors(seed + 1000);
  WatchedWorld watched(kLimits, seed);
  bool failing = true;
  watched.before_write() = [&](absl::string_view table) -> absl::Status {
    if (!failing || errors.Draw(12) != 0) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat("map ", std::string(table), ": random error"));
  };
  watched.set_writes_fail(true);
  World world;
  std::set<model::ObjectName> pending;  // changed since the world was last whole
  for (int step = 0; step < 40 && !watched.failed(); ++step) {
    watched.set_step(absl::StrCat("seed ", seed, " step ", step));
    failing = true;
    if (random.Draw(6) == 0) random.StepNode(world);
    for (const model::ObjectName& name : random.Step(world)) pending.insert(name);
    watched.Expect(world);
    watched.datapath().SetNodeAddresses(world.node_addresses).IgnoreError();
    // Some histories see several worlds before one is ever whole.
    for (int attempt = 0; attempt < 2; ++attempt) {
      watched.datapath().Apply(PlansOf(world, {pending.begin(), pending.end()}), ApplyScope::kChanged);
      if (random.Draw(3) == 0) watched.grace().Pass();
      if (random.Draw(3) == 0) watched.datapath().Reclaim();
    }
    if (random.Draw(3) == 0) watched.Restart();
    if (random.Draw(2) == 0) continue;
    bool whole = false;
    for (int attempt = 0; attempt < 200 && !whole; ++attempt) {
      whole = watched.datapath().SetNodeAddresses(world.node_addresses).ok() &&
              watched.datapath().Apply(world.AllPlans(), ApplyScope::kAll).empty();
    }
    ASSERT_TRUE(whole) << "still failing";
    failing = false;
    pending.clear();
    // The row of an address that every Service has left is no Service's failure.
    watched.datapath().Reclaim();
    watched.Settle();
    EXPECT_EQ(InspectAll(watched.datapath(), world), Inspected::kAgrees);
    if (random.Draw(2) == 0) watched.CheckLeavesNothing();
  }
}

TEST(HistoryTest, RandomWriteErrorsAreOvercomeByTryingAgain) {
  for (const uint32_t seed : seeds::UpTo(6)) {
    PlayWithWriteErrors(seed);
    if (HasFailure()) return;
  }
}

// In these, frontends go from one Service to another while writes that free rows fail until there are none.
TEST(HistoryTest, AFrontendStaysInTheIndexWhileTheRowsForItsTakerCannotBeFreed) {
  for (const uint32_t seed : {11, 27, 40, 50, 51}) PlayWithWriteErrors(seed);
}

// In this one, a taker waits for room while a write fails for another Service from which it takes a frontend.
TEST(HistoryTest, AFrontendStaysInTheIndexWhileItsTakerWaitsForAServiceWhoseWriteFailed) {
  PlayWithWriteErrors(84);
}

}  // namespace
}  // namespace shunt::datapath
