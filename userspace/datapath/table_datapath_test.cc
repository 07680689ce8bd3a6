// SPDX-License-Identifier: Apache-2.0
// What TableDatapath makes of plans, case by case. Histories and restarts: history_test.cc, adoption_test.cc;
// limits: limits_test.cc.
#include "userspace/datapath/table_datapath.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/table_fixture.h"

namespace shunt::datapath {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using TableDatapathTest = TableFixture;

model::ServicePlan Web(std::initializer_list<absl::string_view> backends) {
  return MakePlan("web", "10.96.0.10", 80, MakePool(backends, 8080));
}

TEST_F(TableDatapathTest, AFrontendLeadsToItsBackends) {
  MustApply({Web({"10.244.0.1", "10.244.0.2"})});
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1 10.244.0.2");
  EXPECT_EQ(ServiceOf("10.96.0.10", 80), "default/web: 80/TCP IPv4");
  EXPECT_EQ(Read("10.96.0.10", 81).outcome, Outcome::kUnusedPort);
  EXPECT_EQ(Read("10.96.0.11", 80).outcome, Outcome::kNotAService);
}

TEST_F(TableDatapathTest, WritesGoAgainstTheDirectionOfReading) {
  Record();
  MustApply({Web({"10.244.0.1"})});
  EXPECT_THAT(written_,
              ElementsAre("meta", "prefix_filter", "endpoint_filter", "endpoint_filter", "backends", "slots", "pools",
                          "service_ports", "frontend_rows", "prefix_filter", "frontend_index",  // the frontend
                          "frontend_rows", "frontend_index"));  // the row about its address
}

TEST_F(TableDatapathTest, AChangedEndpointIsOneNewRunAndOneWord) {
  MustApply({Web({"10.244.0.1", "10.244.0.2"})});
  Record();
  MustApply({Web({"10.244.0.1", "10.244.0.3"})});
  EXPECT_THAT(written_,
              ElementsAre("meta", "endpoint_filter", "endpoint_filter", "backends", "slots", "slots", "pools"));
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1 10.244.0.3");
}

TEST_F(TableDatapathTest, ChangedWeightsToo) {
  const auto web = [](uint32_t weight) {
    return MakePlan("web", "10.96.0.10", 80,
                    MakePool({{Socket("10.244.0.1", 8080), 1}, {Socket("10.244.0.2", 8080), weight}}));
  };
  MustApply({web(1)});
  Record();
  MustApply({web(3)});
  EXPECT_THAT(written_, ElementsAre("meta", "slots", "slots", "pools"));
  const Reading reading = Read("10.96.0.10", 80);
  EXPECT_EQ(reading.internal.slots[0].threshold, 0x80000000u) << "a quarter of all is half of its slot";
  EXPECT_EQ(reading.internal.slots[0].alias, Socket("10.244.0.2", 8080));
}

TEST_F(TableDatapathTest, APortOfThisNodeIsInTheFilterBeforeItsFrontendIsFound) {
  model::PortPlan port = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080));
  MustApply({MakePlan("web", {port})});
  port.frontends.push_back(MakeFrontend(model::FrontendKind::kNodePort, "0.0.0.0", 30080));
  Record();
  MustApply({MakePlan("web", {port})});
  EXPECT_THAT(written_, ElementsAre("frontend_rows", "node_ports", "node_ports", "frontend_index"));
}

// A UDP socket that dialled the external address remembers the pool, which stays as it is for the ClusterIP.
TEST_F(TableDatapathTest, AFrontendThatLeavesAPoolInUseRenewsItsValidityStamp) {
  const auto generation = [this] { return shunt_pool_generation(SimulatedReader(tables_).PoolWord(0)); };
  model::PortPlan port = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080));
  const std::vector<model::PortPlan> without = {port};
  port.frontends.push_back(MakeFrontend(model::FrontendKind::kExternalIp, "203.0.113.5", 80));
  MustApply({MakePlan("web", {port})});
  const uint32_t before = generation();
  MustApply({MakePlan("web", without)});
  const uint32_t at_once = generation();
  EXPECT_NE(at_once, before);
  PassGrace();
  EXPECT_NE(generation(), at_once)
      << "again, for programs that had the old row in hand and remembered the renewed word";
  Record();
  MustApply({MakePlan("web", without)});
  EXPECT_THAT(written_, IsEmpty()) << "the set is what is planned";
}

TEST_F(TableDatapathTest, APoolWithoutAnyShareKeepsItsMembersForTheirFlows) {
  MustApply({MakePlan("web", "10.96.0.10", 80, MakePool({{Socket("10.244.0.1", 8080), 0}}))});
  const ReadSet set = Read("10.96.0.10", 80).internal;
  EXPECT_EQ(set.empty_reason, SHUNT_EMPTY_NO_ENDPOINTS);
  ASSERT_EQ(set.slots.size(), 1u);
  EXPECT_EQ(set.slots[0].backend, Socket("10.244.0.1", 8080));
  EXPECT_EQ(set.slots[0].threshold, 0u);
}

TEST_F(TableDatapathTest, ARemovalGoesInTheDirectionOfReading) {
  MustApply({Web({"10.244.0.1"})});
  Record();
  MustApply({MakePlan("web", {})});
  EXPECT_THAT(written_, ElementsAre("frontend_index",  // its address is no longer a ClusterIP
                                    "frontend_index",  // the frontend
                                    "pools", "prefix_filter"));
  EXPECT_EQ(Read("10.96.0.10", 80).outcome, Outcome::kNotAService);
  Record();
  PassGrace();
  EXPECT_THAT(written_, ElementsAre("pools", "backends", "service_ports")) << "marked free, after the grace period";
}

TEST_F(TableDatapathTest, AnAffinityTimeoutIsANewRow) {
  model::ServicePlan web = Web({"10.244.0.1"});
  MustApply({web});
  Record();
  web.ports[0].affinity_timeout_s = 60;
  MustApply({web});
  EXPECT_THAT(written_, ElementsAre("frontend_rows", "frontend_index"));
  EXPECT_EQ(Read("10.96.0.10", 80).affinity_timeout_s, 60u);
}

TEST_F(TableDatapathTest, EmptyPoolsSayWhy) {
  MustApply({MakePlan("none", "10.96.0.1", 80, MakeEmptyPool(model::EmptyPool::kNoEndpoints)),
             MakePlan("miss", "10.96.0.2", 80, MakeEmptyPool(model::EmptyPool::kLocalMiss))});
  EXPECT_EQ(Read("10.96.0.1", 80).internal.empty_reason, uint32_t{SHUNT_EMPTY_NO_ENDPOINTS});
  EXPECT_EQ(Read("10.96.0.2", 80).internal.empty_reason, uint32_t{SHUNT_EMPTY_LOCAL_MISS});
  MustApply({MakePlan("none", "10.96.0.1", 80, MakePool({"10.244.0.1"}, 80))});
  EXPECT_EQ(Backends("10.96.0.1", 80), "10.244.0.1");
}

TEST_F(TableDatapathTest, EveryPublicationHasAGenerationOfItsOwn) {
  MustApply({Web({"10.244.0.1"})});
  const SimulatedReader reader(tables_);
  const auto word = [&] { return reader.PoolWord(0); };
  const uint64_t first = word();
  MustApply({Web({})});
  MustApply({Web({"10.244.0.1"})});
  EXPECT_NE(shunt_pool_generation(word()), shunt_pool_generation(first))
      << "a socket that remembers the first word must not take the third for it";
}

TEST_F(TableDatapathTest, BackendsAreSharedAndKeepTheirIds) {
  MustApply({Web({"10.244.0.1", "10.244.0.2"}), MakePlan("api", "10.96.0.11", 80, MakePool({"10.244.0.2"}, 8080))});
  Record();
  MustApply({MakePlan("third", "10.96.0.12", 80, MakePool({"10.244.0.1"}, 8080))});
  EXPECT_THAT(written_, Not(Contains("backends")));
}

// A Service whose ClusterIP goes over to the Local pool, whose cluster-wide pool a NodePort still uses.
TEST_F(TableDatapathTest, APolicyChangeLeavesTheOldPoolAlone) {
  model::PortPlan port = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1", "10.244.0.2"}, 8080));
  port.frontends.push_back(MakeFrontend(model::FrontendKind::kLoadBalancer, "192.0.2.1", 80));
  MustApply({MakePlan("web", {port})});
  const uint64_t before = SimulatedReader(tables_).PoolWord(0);
  port.pools.push_back(MakePool({"10.244.0.1"}, 8080));
  port.frontends[0].internal_pool = 1;
  Record();
  MustApply({MakePlan("web", {port})});
  const uint64_t after = SimulatedReader(tables_).PoolWord(0);
  EXPECT_EQ(shunt_pool_first(after), shunt_pool_first(before)) << "the cluster-wide set has not changed";
  EXPECT_NE(after, before) << "but a socket that dialled the ClusterIP must not stay with it";
  EXPECT_THAT(written_, ElementsAre("meta", "slots", "pools", "frontend_rows", "frontend_index", "meta", "pools"));
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1");
  EXPECT_EQ(Backends("192.0.2.1", 80), "10.244.0.1 10.244.0.2");
}

// The same, while the endpoints change: the ClusterIP reads the old pool until its row is replaced, so the NodePort's
// new set cannot be published there.
TEST_F(TableDatapathTest, APoolThatAFrontendLeavesKeepsItsSet) {
  model::PortPlan port = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1", "10.244.0.2"}, 8080));
  port.frontends.push_back(MakeFrontend(model::FrontendKind::kLoadBalancer, "192.0.2.1", 80));
  MustApply({MakePlan("web", {port})});
  port.pools[0] = MakePool({"10.244.0.3"}, 8080);
  port.pools.push_back(MakePool({"10.244.0.4"}, 8080));
  port.frontends[0].internal_pool = 1;
  std::vector<std::string> seen;
  maps_->hooks().after = [&](absl::string_view) {
    const std::string backends = Backends("10.96.0.10", 80);
    if (seen.empty() || seen.back() != backends) seen.push_back(backends);
  };
  MustApply({MakePlan("web", {port})});
  EXPECT_THAT(seen, ElementsAre("10.244.0.1 10.244.0.2", "10.244.0.4"));
  EXPECT_EQ(Backends("192.0.2.1", 80), "10.244.0.3");
}

TEST_F(TableDatapathTest, ARenamedPortKeepsServing) {
  model::ServicePlan web = Web({"10.244.0.1"});
  MustApply({web});
  std::vector<std::string> seen;
  maps_->hooks().after = [&](absl::string_view) {
    const std::string service_port = ServiceOf("10.96.0.10", 80);
    if (seen.empty() || seen.back() != service_port) seen.push_back(service_port);
  };
  web.ports[0].name = "http";
  MustApply({web});
  EXPECT_THAT(seen, ElementsAre("default/web: 80/TCP IPv4", "default/web:http 80/TCP IPv4"));
}

// ---- several Services and one frontend ------------------------------------------------------------------

TEST_F(TableDatapathTest, AFrontendGoesOverWithoutAGap) {
  MustApply({MakePlan("old", "10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080))});
  std::vector<std::string> seen;
  maps_->hooks().after = [&](absl::string_view) {
    const std::string reading = ServiceOf("10.96.0.10", 80) + " " + Backends("10.96.0.10", 80);
    if (seen.empty() || seen.back() != reading) seen.push_back(reading);
  };
  MustApply({MakePlan("old", {}), MakePlan("new", "10.96.0.10", 80, MakePool({"10.244.0.2"}, 8080))});
  EXPECT_THAT(seen, ElementsAre("default/old: 80/TCP IPv4 10.244.0.1", "default/new: 80/TCP IPv4 10.244.0.2"));
}

TEST_F(TableDatapathTest, AFrontendThatAnotherServiceHoldsIsRefused) {
  MustApply({MakePlan("old", "10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080))});
  const model::ServicePlan taker = MakePlan("new", "10.96.0.10", 80, MakePool({"10.244.0.2"}, 8080));
  const auto failures = Apply({taker});
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].service.ToString(), "default/new");
  EXPECT_EQ(failures[0].status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(failures[0].status.message()),
              HasSubstr("Service default/old holds its frontend 10.96.0.10:80/TCP"));
  EXPECT_THAT(failures[0].partners, IsEmpty()) << "the other one has no part in this Apply";
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1");
  MustApply({MakePlan("old", {})});
  MustApply({taker});
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.2");
}

TEST_F(TableDatapathTest, IfTheTakersWritesFailTheFrontendStays) {
  MustApply({MakePlan("old", "10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080))});
  FailWritesTo("slots");
  const std::vector<model::ServicePlan> plans = {MakePlan("old", {}),
                                                 MakePlan("new", "10.96.0.10", 80, MakePool({"10.244.0.2"}, 8080))};
  const auto failures = Apply(plans);
  ASSERT_EQ(failures.size(), 2u) << "the Service that gives it up has to be applied again too";
  for (const ServiceFailure& failure : failures) {
    ASSERT_EQ(failure.partners.size(), 1u) << failure.service.ToString() << ": they are to be applied together";
    EXPECT_EQ(failure.partners[0].name, failure.service.name == "old" ? "new" : "old");
  }
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1");
  FailNoWrites();
  MustApply(plans);
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.2");
}

TEST_F(TableDatapathTest, FrontendsInConflictOrWithoutAHookAreNotProgrammed) {
  model::PortPlan lost = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080));
  lost.frontends[0].conflict_with = {"default", "winner"};
  model::PortPlan sctp = MakePort("10.96.0.11", 80, MakePool({"10.244.0.1"}, 8080));
  sctp.protocol = sctp.frontends[0].address.protocol = model::Protocol::kSctp;
  sctp.frontends[0].verdict = model::FrontendVerdict::kNoSocketHook;
  Record();
  MustApply({MakePlan("web", {lost, sctp})});
  EXPECT_THAT(written_, IsEmpty()) << "nor their pools, which no other frontend uses";
}

TEST_F(TableDatapathTest, SctpIsServedWhereThePlanSaysSo) {
  model::PortPlan sctp = MakePort("10.96.0.11", 80, MakePool({"10.244.0.2"}, 9090));
  sctp.protocol = sctp.frontends[0].address.protocol = model::Protocol::kSctp;
  MustApply({MakePlan("web", {sctp})});
  const Reading reading =
      SimulatedReader(tables_).Read(Dial("10.96.0.11", 80, model::Protocol::kSctp), /*on_host=*/true);
  EXPECT_EQ(reading.service_port, "default/web: 80/SCTP IPv4");
  ASSERT_EQ(reading.internal.slots.size(), 1u);
  EXPECT_EQ(reading.internal.slots[0].backend, Socket("10.244.0.2", 9090));
  const Removals removals = datapath_->TakeRemovals();
  EXPECT_FALSE(removals.tcp || removals.udp) << "no socket has lost a backend by it";
}

TEST_F(TableDatapathTest, PoolsThatNoFrontendNamesAreNotWritten) {
  model::PortPlan port = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080));
  port.pools.push_back(MakePool({"10.244.0.2"}, 8080));
  Record();
  MustApply({MakePlan("web", {port})});
  EXPECT_EQ(std::count(written_.begin(), written_.end(), "pools"), 1);
  EXPECT_EQ(std::count(written_.begin(), written_.end(), "backends"), 1);
}

// ---- addresses ------------------------------------------------------------------------------------------

model::ServicePlan NodePort(const char* name) {
  model::PortPlan port = MakePort("10.96.0.20", 80, MakePool({"10.244.0.1"}, 8080));
  port.frontends.push_back(MakeFrontend(model::FrontendKind::kNodePort, "0.0.0.0", 30080));
  return MakePlan(name, {port});
}

TEST_F(TableDatapathTest, NodePortsAnswerOnNodeAddressesAndLoopbackOnlyOnTheHost) {
  ASSERT_TRUE(datapath_->SetNodeAddresses({{Ip("203.0.113.5"), false}, {Ip("127.0.0.1"), true}}).ok());
  MustApply({NodePort("web")});
  EXPECT_EQ(Backends("203.0.113.5", 30080, /*on_host=*/false), "10.244.0.1");
  EXPECT_EQ(Backends("127.0.0.1", 30080, /*on_host=*/true), "10.244.0.1");
  EXPECT_EQ(Read("127.0.0.1", 30080, /*on_host=*/false).outcome, Outcome::kHostOnly);
  EXPECT_EQ(Read("203.0.113.6", 30080).outcome, Outcome::kNotAService);
  ASSERT_TRUE(datapath_->SetNodeAddresses({{Ip("203.0.113.6"), false}}).ok());
  EXPECT_EQ(Read("203.0.113.5", 30080).outcome, Outcome::kNotAService);
  EXPECT_EQ(Backends("203.0.113.6", 30080), "10.244.0.1");
}

TEST_F(TableDatapathTest, NodeAddressesHaveRowsOnlyWhileThereIsANodePort) {
  Record();
  ASSERT_TRUE(datapath_->SetNodeAddresses({{Ip("203.0.113.5"), false}}).ok());
  EXPECT_THAT(written_, IsEmpty());
  const SimulatedReader reader(tables_);
  EXPECT_FALSE(reader.PassesFilter(Ip("203.0.113.5")));
  MustApply({NodePort("web")});
  EXPECT_TRUE(reader.PassesFilter(Ip("203.0.113.5")));
  MustApply({MakePlan("web", {})});
  EXPECT_FALSE(reader.PassesFilter(Ip("203.0.113.5")));
}

TEST_F(TableDatapathTest, AnAddressMayBeTheNodesAndAClusterIp) {
  ASSERT_TRUE(datapath_->SetNodeAddresses({{Ip("10.96.0.20"), false}}).ok());
  MustApply({NodePort("web")});
  EXPECT_EQ(Backends("10.96.0.20", 80), "10.244.0.1");
  EXPECT_EQ(Backends("10.96.0.20", 30080), "10.244.0.1");
  EXPECT_EQ(Read("10.96.0.20", 99).outcome, Outcome::kUnusedPort);
  ASSERT_TRUE(datapath_->SetNodeAddresses({}).ok());
  EXPECT_EQ(Read("10.96.0.20", 30080).outcome, Outcome::kUnusedPort) << "still a ClusterIP";
}

TEST_F(TableDatapathTest, AnAddressNamedTwiceHasTheWiderRule) {
  ASSERT_TRUE(datapath_->SetNodeAddresses({{Ip("203.0.113.5"), true}, {Ip("203.0.113.5"), false}}).ok());
  MustApply({NodePort("web")});
  EXPECT_EQ(Backends("203.0.113.5", 30080, /*on_host=*/false), "10.244.0.1");
}

TEST_F(TableDatapathTest, AClusterIpOfSeveralPortsIsOneUntilTheLastGoes) {
  MustApply({MakePlan("a", "10.96.0.30", 80, MakePool({"10.244.0.1"}, 8080)),
             MakePlan("b", "10.96.0.30", 81, MakePool({"10.244.0.1"}, 8080))});
  MustApply({MakePlan("a", {})});
  EXPECT_EQ(Read("10.96.0.30", 80).outcome, Outcome::kUnusedPort);
  EXPECT_EQ(Backends("10.96.0.30", 81), "10.244.0.1");
  MustApply({MakePlan("b", {})});
  EXPECT_EQ(Read("10.96.0.30", 80).outcome, Outcome::kNotAService);
  EXPECT_FALSE(SimulatedReader(tables_).PassesFilter(Ip("10.96.0.30")));
}

TEST_F(TableDatapathTest, LoadBalancerAddressesOwnOnlyTheirPorts) {
  model::PortPlan port = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080));
  port.frontends.push_back(MakeFrontend(model::FrontendKind::kLoadBalancer, "192.0.2.1", 80));
  MustApply({MakePlan("web", {port})});
  EXPECT_EQ(Backends("192.0.2.1", 80), "10.244.0.1");
  EXPECT_EQ(Read("192.0.2.1", 81).outcome, Outcome::kNotAService);
}

TEST_F(TableDatapathTest, BackendsBitsStayForSocketsThatRememberThem) {
  MustApply({Web({"10.244.0.1"})});
  MustApply({MakePlan("web", {})});
  PassGrace();
  const shunt_address address = EncodeAddress(Ip("10.244.0.1"));
  const uint32_t bit = shunt_prefix_bit(&address, SHUNT_PREFIX_BACKENDS);
  uint64_t word = 0;
  ASSERT_TRUE(tables_.prefix_filter->Load(bit / 64, MutableBytesOf(word)).ok());
  EXPECT_EQ(word >> (bit % 64) & 1, 1u);
}

// ---- failures -------------------------------------------------------------------------------------------

TEST_F(TableDatapathTest, OneServicesFailureHindersNoOther) {
  MustApply({Web({"10.244.0.1"})});
  int slots = 0;
  maps_->hooks().before = [&](absl::string_view table) {
    return table == "slots" && slots++ == 0 ? absl::UnavailableError("scripted") : absl::OkStatus();
  };
  const std::vector<model::ServicePlan> plans = {Web({"10.244.0.2"}),
                                                 MakePlan("api", "10.96.0.11", 80, MakePool({"10.244.0.3"}, 80))};
  const auto failures = Apply(plans);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].service.ToString(), "default/web");
  EXPECT_EQ(failures[0].status, absl::UnavailableError("scripted"));
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1") << "as before";
  EXPECT_EQ(Backends("10.96.0.11", 80), "10.244.0.3");
  MustApply(plans);
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.2");
}

TEST_F(TableDatapathTest, PlansThatContradictThemselvesAreRefused) {
  struct Case {
    const char* what;
    void (*spoil)(model::ServicePlan&);
    const char* message;
  };
  const Case cases[] = {
      {"a frontend names a pool that is not there",
       [](model::ServicePlan& plan) { plan.ports[0].frontends[0].external_pool = 1; }, "names pools 0 and 1 of 1"},
      {"more slots than members", [](model::ServicePlan& plan) { plan.ports[0].pools[0].slots.push_back({}); },
       "has 3 slots for 2 members"},
      {"a slot's alias is not a member", [](model::ServicePlan& plan) { plan.ports[0].pools[0].slots[1].alias = 2; },
       "slot 1 of a pool names members 1 and 2 of 2"},
      {"slots in another order than members",
       [](model::ServicePlan& plan) { plan.ports[0].pools[0].slots[1].member = 0; },
       "slot 1 of a pool names members 0 and 1 of 2"},
      {"a name that the ABI cannot hold", [](model::ServicePlan& plan) { plan.ports[0].name = std::string(64, 'x'); },
       "longer than 63 characters"},
      {"a frontend with port 0", [](model::ServicePlan& plan) { plan.ports[0].frontends[0].address.port = 0; },
       "has port 0"},
      {"the same port twice", [](model::ServicePlan& plan) { plan.ports.push_back(plan.ports[0]); },
       "stands twice in one family"},
  };
  for (const Case& c : cases) {
    model::ServicePlan web = Web({"10.244.0.1", "10.244.0.2"});
    c.spoil(web);
    Record();
    const auto failures = Apply({web, MakePlan("api", "10.96.0.11", 80, MakePool({"10.244.0.3"}, 80))});
    ASSERT_EQ(failures.size(), 1u) << c.what;
    EXPECT_EQ(failures[0].status.code(), absl::StatusCode::kInvalidArgument) << c.what;
    EXPECT_THAT(std::string(failures[0].status.message()), HasSubstr(c.message)) << c.what;
    EXPECT_EQ(Read("10.96.0.10", 80).outcome, Outcome::kNotAService) << c.what;
    EXPECT_EQ(Backends("10.96.0.11", 80), "10.244.0.3") << c.what;
  }
}

TEST_F(TableDatapathTest, OfTwoPlansOfOneServiceTheSecondIsRefused) {
  const auto failures = Apply({Web({"10.244.0.1"}), Web({"10.244.0.2"})});
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1");
}

TEST_F(TableDatapathTest, AnAddressThatAPlanNamesTwiceCountsOnce) {
  model::PortPlan port = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080));
  port.frontends.push_back(MakeFrontend(model::FrontendKind::kExternalIp, "10.96.0.10", 80));
  MustApply({MakePlan("web", {port})});
  EXPECT_EQ(Read("10.96.0.10", 80).kind, model::FrontendKind::kClusterIp) << "the first one";
  MustApply({MakePlan("web", {})});
  EXPECT_THAT(SimulatedReader(tables_).AllRows(), IsEmpty());
}

TEST_F(TableDatapathTest, ServicesNotNamedStayUnlessAllAreNamed) {
  MustApply({Web({"10.244.0.1"}), MakePlan("api", "10.96.0.11", 80, MakePool({"10.244.0.3"}, 80))});
  MustApply({Web({"10.244.0.2"})}, ApplyScope::kChanged);
  EXPECT_EQ(Backends("10.96.0.11", 80), "10.244.0.3");
  MustApply({Web({"10.244.0.2"})}, ApplyScope::kAll);
  EXPECT_EQ(Read("10.96.0.11", 80).outcome, Outcome::kNotAService);
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.2");
}

TEST_F(TableDatapathTest, AReusedServicePortStartsWithCountersAtZero) {
  MustApply({Web({"10.244.0.1"})});
  const shunt_service_counters counted = {.translated = 5};
  ASSERT_TRUE(tables_.service_counters->Store(0, BytesOf(counted)).ok());
  ASSERT_TRUE(tables_.service_counters->Store(kLimits.service_ports, BytesOf(counted)).ok());  // the second CPU's
  MustApply({MakePlan("web", {})});
  PassGrace();
  MustApply({MakePlan("api", "10.96.0.11", 80, MakePool({"10.244.0.3"}, 80))});
  for (const uint32_t row : {0u, kLimits.service_ports}) {
    shunt_service_counters counters = {};
    ASSERT_TRUE(tables_.service_counters->Load(row, MutableBytesOf(counters)).ok());
    EXPECT_EQ(counters.translated, 0u) << "row " << row;
  }
}

}  // namespace
}  // namespace shunt::datapath
