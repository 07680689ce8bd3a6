// SPDX-License-Identifier: Apache-2.0
// How much the reconciler does in one step, for which Services, and which ones have to come along: by counts of
// Services, never by time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/agent/control/reconciler.h"
#include "userspace/agent/testing/recording_datapath.h"

namespace shunt::agent {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

model::Service Service(const std::string& namespace_name, const std::string& name, int64_t created = 1000) {
  model::Service service;
  service.name = {namespace_name, name};
  service.creation_time_s = created;
  service.cluster_ips = {
      model::IpAddress::FromV4(0x0a600000 + static_cast<uint32_t>(std::hash<std::string>()(name)) % 65'536).ToString()};
  service.ports = {{.name = "web", .port = 80}};
  return service;
}

model::Node NodeIn(const std::string& zone) {
  model::Node node;
  node.name = "node-a";
  node.labels["topology.kubernetes.io/zone"] = zone;
  return node;
}

std::string External(int i) {
  return model::IpAddress::FromV4(0xcb007100 + static_cast<uint32_t>(i)).ToString();
}

model::EndpointSlice Slice(const model::Service& service, int endpoints, int first = 0) {
  model::EndpointSlice slice;
  slice.name = {service.name.namespace_name, absl::StrCat(service.name.name, "-x1")};
  slice.labels["kubernetes.io/service-name"] = service.name.name;
  for (int i = 0; i < endpoints; ++i) {
    model::Endpoint endpoint;
    endpoint.address = model::IpAddress::FromV4(0x0a800000 + static_cast<uint32_t>(first + i)).ToString();
    slice.endpoints.push_back(endpoint);
  }
  slice.ports = {{.name = "web", .port = 8080}};
  return slice;
}

class ReconcilerTurnsTest : public testing::Test {
 protected:
  static constexpr uint64_t kStepCost = 1'000;

  template <typename Object>
  void Upsert(Object object, uint64_t delivery = 0) {
    reconciler_.Deliver({sources::Upsert{std::move(object)}}, delivery);
  }
  void Remove(const model::ObjectName& service) {
    reconciler_.Deliver({sources::Remove{sources::ObjectKind::kService, service}});
  }
  void Begin() {
    reconciler_.Synced(0);
    reconciler_.Step(now_);
    datapath_.TakeApplies();
  }
  bool HasWork() const {
    const auto next = reconciler_.NextStep();
    return next.has_value() && *next <= now_;
  }
  // Steps while something is due now. Returns how many Services each step planned.
  std::vector<size_t> StepAll() {
    std::vector<size_t> planned;
    while (HasWork()) planned.push_back(reconciler_.Step(now_).planned);
    return planned;
  }
  // How many of the external addresses the Service of this name holds in the kernel.
  int Holds(const std::string& name) const {
    const auto found = datapath_.holds.find(name);
    if (found == datapath_.holds.end()) return 0;
    int held = 0;
    for (const model::Frontend& frontend : found->second.ports[0].frontends) {
      held += frontend.kind == model::FrontendKind::kExternalIp && !frontend.InConflict() ? 1 : 0;
    }
    return held;
  }

  const SteadyTime start_{std::chrono::hours(1)};
  SteadyTime now_ = start_;
  RecordingDatapath datapath_;
  Ledger ledger_;
  Reconciler reconciler_{
      {.node_name = "node-a", .planner = {}, .jitter_seed = 1, .step_cost_max = kStepCost}, datapath_, ledger_};
};

TEST_F(ReconcilerTurnsTest, AToggleOfTheOldestOfManyClaimantsPlansTwo) {
  std::vector<model::Service> services;
  for (int i = 0; i < 300; ++i) {
    services.push_back(Service("tenant", absl::StrCat("s", i), 1000 + i));
    for (int j = 0; j < 256; ++j) services.back().external_ips.push_back(External(j));
    Upsert(services.back());
  }
  Begin();
  const auto problem = [&] { return ledger_.PageAfter(&services[298].name, 1).at(0).plan->ports[0].frontends.back(); };
  EXPECT_EQ(Holds("s0"), 256);
  for (int round = 0; round < 2; ++round) {
    Remove(services[0].name);
    EXPECT_THAT(StepAll(), ElementsAre(2)) << "it and its heir, not the 298 that lose as before";
    EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("changed: -s0 s1"));
    EXPECT_EQ(Holds("s1"), 256);
    EXPECT_EQ(problem().conflict_with.Name(), services[1].name) << "whose plans say who holds the frontends now";
    Upsert(services[0]);
    EXPECT_THAT(StepAll(), ElementsAre(2));
    EXPECT_EQ(Holds("s0"), 256);
    EXPECT_EQ(problem().conflict_with.Name(), services[0].name);
    datapath_.TakeApplies();
  }
}

TEST_F(ReconcilerTurnsTest, AStormIsTakenInSlicesAndDelaysNobodyElse) {
  std::vector<model::Service> storm;
  for (int i = 0; i < 1000; ++i) storm.push_back(Service("tenant", absl::StrCat("s", i)));
  const model::Service cart = Service("shop", "cart");
  for (const model::Service& service : storm) Upsert(service);
  Upsert(cart);
  Begin();
  for (const model::Service& service : storm) Upsert(Slice(service, 10));
  const size_t first = reconciler_.Step(now_).planned;
  EXPECT_GT(first, 10u);
  EXPECT_LT(first, 60u) << "a step's cost is bounded";
  Upsert(Slice(cart, 1));
  datapath_.TakeApplies();
  reconciler_.Step(now_);
  EXPECT_THAT(datapath_.TakeApplies(), ElementsAre(testing::StartsWith("changed: cart "))) << "the next step has it";
  for (const size_t planned : StepAll()) EXPECT_LT(planned, 60u);
  for (const model::Service& service : storm) {
    EXPECT_EQ(datapath_.holds[service.name.name].ports[0].pools[0].members.size(), 10u) << service.name.name;
  }
}

TEST_F(ReconcilerTurnsTest, AServiceThatIsDearHasAStepOfItsOwn) {
  const model::Service huge = Service("tenant", "huge"), cart = Service("shop", "cart");
  for (const model::Service& service : {huge, cart}) Upsert(service);
  Begin();
  Upsert(Slice(huge, 5'000));
  Upsert(Slice(cart, 1));
  StepAll();
  EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("changed: cart", "changed: huge"));
  EXPECT_EQ(datapath_.holds["huge"].ports[0].pools[0].members.size(), 5'000u);
}

TEST_F(ReconcilerTurnsTest, SlicesBeyondWhatAPlanMayHaveAreNotEvenRead) {
  planner::PlannerOptions planner;
  planner.rows_max = planner.endpoints_max = 40;
  Reconciler reconciler({.node_name = "node-a", .planner = planner}, datapath_, ledger_);
  const model::Service service = Service("tenant", "many");
  reconciler.Deliver({sources::Upsert{service}});
  for (int i = 0; i < 100; ++i) {
    model::EndpointSlice slice = Slice(service, 1, i);
    slice.name.name = absl::StrCat("many-", 100 + i);
    reconciler.Deliver({sources::Upsert{slice}});
  }
  reconciler.Synced(0);
  reconciler.Step(now_);
  EXPECT_EQ(datapath_.holds["many"].ports[0].endpoints.size(), 7u) << "four rows for each slice, one for the frontend";
  EXPECT_THAT(
      ledger_.Find(service.name)->plan->warnings,
      ElementsAre("more than 10 EndpointSlices: those after them by name are not served",
                  testing::StartsWith("IPv4: 3 EndpointSlices with 3 endpoints, the first many-107, not served")));
}

TEST_F(ReconcilerTurnsTest, ThousandsOfHeirsComeAFewAtATimeAndNoFrontendIsEverWithoutAHolder) {
  constexpr int kHeirs = 250;
  model::Service all = Service("tenant", "all", 1);
  for (int i = 0; i < kHeirs; ++i) {
    model::Service heir = Service("tenant", absl::StrCat("heir", i));
    heir.external_ips = {External(i)};
    all.external_ips.push_back(External(i));
    Upsert(heir);
    Upsert(Slice(heir, 100));
  }
  Upsert(all);
  Begin();
  EXPECT_EQ(Holds("all"), kHeirs);
  const auto hand_over = [&] {
    int steps = 0;
    for (; HasWork() && steps < 1000; ++steps) {
      EXPECT_LT(reconciler_.Step(now_).planned, 40u);
      int held = Holds("all");
      for (int i = 0; i < kHeirs; ++i) held += Holds(absl::StrCat("heir", i));
      EXPECT_EQ(held, kHeirs) << "after step " << steps;
    }
    EXPECT_GT(steps, 10);
  };
  Remove(all.name);
  hand_over();
  EXPECT_FALSE(datapath_.holds.contains("all"));
  EXPECT_EQ(Holds("heir0"), 1);
  Upsert(all);
  hand_over();
  EXPECT_EQ(Holds("all"), kHeirs);
  EXPECT_EQ(Holds("heir0"), 0);
}

TEST_F(ReconcilerTurnsTest, WhatMayFitSoonWaitsForItsTurnAndDelaysNobodyElse) {
  const model::Service large = Service("tenant", "large"), cart = Service("shop", "cart");
  for (const model::Service& service : {large, cart}) Upsert(service);
  Begin();
  datapath_.failures["large"] = absl::ResourceExhaustedError("map slots: full");
  datapath_.may_fit_soon = {"large"};
  Upsert(Slice(large, 100), 1);
  for (int i = 1; i <= 20; ++i) {
    ASSERT_TRUE(HasWork());
    Upsert(Slice(cart, i), 1 + static_cast<uint64_t>(i));
    const StepOutcome outcome = reconciler_.Step(now_);
    EXPECT_EQ(outcome.postponed, 1u);
    EXPECT_THAT(outcome.failures, IsEmpty());
    EXPECT_THAT(outcome.waiting, ElementsAre(1)) << "its delivery waits, the other one's does not";
    EXPECT_EQ(datapath_.holds["cart"].ports[0].pools[0].members.size(), static_cast<size_t>(i));
    EXPECT_EQ(ledger_.totals().failed, 0u);
  }
  datapath_.may_fit_soon.clear();
  EXPECT_EQ(reconciler_.Step(now_).failures.size(), 1u);
  EXPECT_EQ(ledger_.totals().failed, 1u);
  EXPECT_GT(reconciler_.NextStep().value(), now_) << "it is tried again after a delay";
  datapath_.failures.clear();
  now_ = reconciler_.NextStep().value();
  EXPECT_EQ(reconciler_.Step(now_).applied, 1u);
  EXPECT_EQ(datapath_.holds["large"].ports[0].pools[0].members.size(), 100u);
  EXPECT_FALSE(reconciler_.NextStep().has_value());
}

TEST_F(ReconcilerTurnsTest, WhatMayFitSoonForTooLongHasFailedHoweverOftenItChanges) {
  const model::Service large = Service("tenant", "large");
  Upsert(large);
  Begin();
  datapath_.failures["large"] = absl::ResourceExhaustedError("map slots: full");
  datapath_.may_fit_soon = {"large"};
  uint64_t delivery = 0;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 10; ++i, now_ += seconds(1)) {
      Upsert(Slice(large, 100 + i), ++delivery);
      EXPECT_EQ(reconciler_.Step(now_).postponed, 1u) << i;
    }
    const StepOutcome outcome = reconciler_.Step(now_);
    EXPECT_EQ(outcome.failures.size(), 1u);
    EXPECT_THAT(outcome.waiting, IsEmpty());
    EXPECT_EQ(ledger_.totals().failed, 1u);
    EXPECT_GT(reconciler_.NextStep().value(), now_);
    now_ = reconciler_.NextStep().value();
  }
}

// The datapath remembers what it has refused until it has applied a plan of that name.
TEST_F(ReconcilerTurnsTest, ANewServiceThatGoesWhileItIsPostponedIsRemovedFromTheDatapath) {
  const model::Service large = Service("tenant", "large");
  Begin();
  datapath_.failures["large"] = absl::ResourceExhaustedError("map slots: full");
  datapath_.may_fit_soon = {"large"};
  Upsert(large);
  EXPECT_EQ(reconciler_.Step(now_).postponed, 1u);
  datapath_.failures.clear();
  datapath_.TakeApplies();
  Remove(large.name);
  StepAll();
  EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("changed: -large"));
  EXPECT_FALSE(ledger_.Find(large.name).has_value());
  EXPECT_FALSE(reconciler_.NextStep().has_value());

  Upsert(large);
  Remove(large.name);
  StepAll();
  EXPECT_THAT(datapath_.TakeApplies(), IsEmpty()) << "this time it was never refused";
}

// What each step plans is bounded also when everything has to be tried again.
TEST_F(ReconcilerTurnsTest, ThousandsThatMayFitSoonAreTriedAFewAtATimeAndAllInTheEnd) {
  std::vector<model::Service> storm;
  for (int i = 0; i < 300; ++i) storm.push_back(Service("tenant", absl::StrCat("s", i)));
  for (const model::Service& service : storm) Upsert(service);
  Begin();
  for (const model::Service& service : storm) {
    datapath_.failures[service.name.name] = absl::ResourceExhaustedError("map slots: full");
    datapath_.may_fit_soon.insert(service.name.name);
    Upsert(Slice(service, 10));
  }
  size_t steps = 0;
  for (; HasWork(); ++steps) {
    ASSERT_LT(steps, 1000u);
    EXPECT_LT(reconciler_.Step(now_).planned, 60u);
    if (steps % 2 == 1 && !datapath_.failures.empty()) datapath_.failures.erase(datapath_.failures.begin());
  }
  EXPECT_GT(steps, 300u);
  for (const model::Service& service : storm) {
    EXPECT_EQ(datapath_.holds[service.name.name].ports[0].pools[0].members.size(), 10u) << service.name.name;
  }
}

TEST_F(ReconcilerTurnsTest, GiverAndTakerThatMayFitSoonAreAppliedTogether) {
  model::Service old = Service("shop", "old", 1), heir = Service("shop", "heir", 2);
  for (model::Service* service : {&old, &heir}) {
    service->external_ips = {External(0)};
    Upsert(*service);
  }
  Begin();
  for (const char* name : {"old", "heir"}) datapath_.failures[name] = absl::ResourceExhaustedError("full");
  datapath_.may_fit_soon = {"old", "heir"};
  datapath_.partners = {{"heir", {old.name}}, {"old", {heir.name}}};
  Remove(old.name);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(reconciler_.Step(now_).postponed, 2u);
    EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("changed: heir -old"));
  }
  datapath_.failures.clear();
  StepAll();
  EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("changed: heir -old"));
  EXPECT_FALSE(reconciler_.NextStep().has_value());
}

TEST_F(ReconcilerTurnsTest, KnowsWhichDeliveriesWait) {
  std::vector<model::Service> services;
  for (const char* name : {"a", "b"}) {
    services.push_back(Service("shop", name));
    Upsert(services.back());
  }
  Begin();
  Upsert(Slice(services[0], 900), 1);
  Upsert(Slice(services[1], 900), 2);
  Upsert(Slice(services[1], 901), 3);
  Upsert(services[0], 4);
  EXPECT_THAT(reconciler_.Step(now_).waiting, ElementsAre(2, 3)) << "the fourth has changed nothing";
  EXPECT_THAT(reconciler_.Step(now_).waiting, IsEmpty());
}

// A Node that gets an address does so in its object and at an interface.
TEST_F(ReconcilerTurnsTest, ADeliveryOfTheNodesAddressesWaitsForTheServicesThatTheyAffect) {
  std::vector<datapath::NodeAddress> local = {{.address = *model::IpAddress::Parse("192.0.2.1"), .host_only = false}};
  model::Node node = NodeIn("west");
  node.addresses = {"192.0.2.1"};
  Upsert(node);
  for (const char* name : {"a", "b"}) {
    const model::Service service = Service("shop", name);
    Upsert(service);
    Upsert(Slice(service, 900));
    local.push_back({.address = *model::IpAddress::Parse(service.cluster_ips[0]), .host_only = false});
  }
  reconciler_.SetLocalAddresses({local[0]});
  Begin();
  node.addresses.push_back("192.0.2.2");
  Upsert(node, 1);
  reconciler_.SetLocalAddresses(local);
  EXPECT_THAT(reconciler_.Step(now_).waiting, ElementsAre(1)) << "the second Service is not applied yet";
  EXPECT_THAT(reconciler_.Step(now_).waiting, IsEmpty());
}

// The steps may cost anything, so each plans all that it has put in the queue.
TEST_F(ReconcilerTurnsTest, AChangeOfTheNodeQueuesABoundedNumberOfServicesWithEachStep) {
  Reconciler reconciler(
      {.node_name = "node-a", .planner = {}, .jitter_seed = 1, .step_cost_max = 1'000 * Reconciler::kNodeTurn},
      datapath_, ledger_);
  constexpr uint32_t kServices = 2 * Reconciler::kNodeTurn + 1;
  for (uint32_t i = 0; i < kServices; ++i) {
    model::Service service = Service("shop", absl::StrCat("s", i));
    service.cluster_ips = {model::IpAddress::FromV4(0x0a600000 + i).ToString()};
    reconciler.Deliver({sources::Upsert{service}});
  }
  reconciler.Synced(0);
  EXPECT_EQ(reconciler.Step(now_).planned, kServices) << "the first step takes everything";
  reconciler.Deliver({sources::Upsert{NodeIn("west")}});
  std::vector<size_t> planned;
  while (reconciler.NextStep().has_value()) planned.push_back(reconciler.Step(now_).planned);
  EXPECT_THAT(planned, ElementsAre(Reconciler::kNodeTurn, Reconciler::kNodeTurn, 1));
}

TEST_F(ReconcilerTurnsTest, AChangeOfTheNodeDelaysNobodyAndItsDeliveryWaitsForAllServices) {
  constexpr int kServices = 3 * static_cast<int>(Reconciler::kNodeTurn) + 1;
  for (int i = 0; i < kServices; ++i) Upsert(Service("shop", absl::StrCat("s", i)));
  const model::Service other = Service("zoo", "other");
  Upsert(other);
  Begin();
  Upsert(NodeIn("west"), 1);
  size_t planned = 0;
  StepOutcome outcome = reconciler_.Step(now_);
  EXPECT_THAT(outcome.waiting, ElementsAre(1));
  planned += outcome.planned;
  Upsert(Slice(other, 1), 2);
  outcome = reconciler_.Step(now_);
  EXPECT_THAT(outcome.waiting, ElementsAre(1)) << "the namespace that waits for less has its turn";
  EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("changed: other"));
  planned += outcome.planned;
  // A second change begins once more, and is not applied before all are.
  Upsert(NodeIn("east"), 3);
  EXPECT_THAT(reconciler_.Step(now_).waiting, ElementsAre(1, 3));
  std::vector<uint64_t> waiting;
  while (HasWork()) {
    outcome = reconciler_.Step(now_);
    planned += outcome.planned;
    waiting = outcome.waiting;
  }
  EXPECT_THAT(waiting, IsEmpty());
  EXPECT_GE(planned, static_cast<size_t>(kServices));
}

// A giver that is applied without the taker would leave the frontend without a Service.
TEST_F(ReconcilerTurnsTest, GiverAndTakerThatFailAreTriedAgainTogether) {
  model::Service old = Service("shop", "old", 1), heir = Service("shop", "heir", 2);
  for (model::Service* service : {&old, &heir}) {
    service->external_ips = {External(0)};
    Upsert(*service);
  }
  Begin();
  for (const char* name : {"old", "heir"}) datapath_.failures[name] = absl::UnavailableError("busy");
  datapath_.partners["heir"] = {old.name};
  datapath_.partners["old"] = {heir.name};
  Remove(old.name);
  StepAll();
  EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("changed: heir -old"));
  for (int retry = 0; retry < 10; ++retry) {
    now_ = reconciler_.NextStep().value();
    EXPECT_THAT(StepAll(), ElementsAre(2));
    EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("changed: heir -old")) << "retry " << retry;
  }
  Upsert(Slice(heir, 1));
  StepAll();
  EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("changed: heir -old")) << "a change of one brings the other along";
  datapath_.failures.clear();
  now_ += seconds(60);
  StepAll();
  EXPECT_THAT(datapath_.TakeApplies(), ElementsAre("changed: heir -old"));
  EXPECT_FALSE(reconciler_.NextStep().has_value());
  EXPECT_EQ(Holds("heir"), 1);
}

}  // namespace
}  // namespace shunt::agent
