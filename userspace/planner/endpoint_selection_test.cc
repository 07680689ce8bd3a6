// SPDX-License-Identifier: Apache-2.0
// Which endpoints a node may choose from. The rows cover every named case of kube-proxy 1.36's TestCategorizeEndpoints,
// in our words and with our addresses, and the cases of node hints.
#include "userspace/planner/endpoint_selection.h"

#include <gtest/gtest.h>

#include <optional>

#include "userspace/planner/testing/test_objects.h"

namespace shunt::planner {
namespace {

constexpr char kHere[] = "here";
constexpr char kThere[] = "there";

enum class Policies { kCluster, kInternalLocal, kExternalLocal, kBothLocal };

struct Row {
  const char* sentence;
  Policies policies;
  bool node_port;
  const char* zone;  // of node "here"
  std::vector<model::Endpoint> endpoints;
  // Absent if the port has no such pool.
  std::optional<Texts> cluster;
  std::optional<Texts> local;
  // Whether an endpoint on any node could take a connection.
  bool any = true;
};

void ExpectPool(const model::PortPlan& port, model::PoolScope scope, const std::optional<Texts>& expected, bool any) {
  SCOPED_TRACE(scope == model::PoolScope::kCluster ? "cluster-wide pool" : "Local pool");
  const model::Pool* pool = PoolOf(port, scope);
  ASSERT_EQ(pool != nullptr, expected.has_value());
  if (pool == nullptr) return;
  EXPECT_EQ(Selected(*pool), *expected);
  EXPECT_EQ(pool->slots.empty(), expected->empty());
  if (expected->empty()) {
    EXPECT_EQ(pool->empty, any ? model::EmptyPool::kLocalMiss : model::EmptyPool::kNoEndpoints);
  }
}

void Check(const Row& row, const std::map<std::string, std::string>& annotations = {}) {
  SCOPED_TRACE(row.sentence);
  model::Service service = MakeService();
  service.annotations = annotations;
  const auto policy = [](bool local) { return local ? model::TrafficPolicy::kLocal : model::TrafficPolicy::kCluster; };
  service.internal_traffic_policy =
      policy(row.policies == Policies::kInternalLocal || row.policies == Policies::kBothLocal);
  service.external_traffic_policy =
      policy(row.policies == Policies::kExternalLocal || row.policies == Policies::kBothLocal);
  service.ports[0].node_port = row.node_port ? 30080 : 0;
  NodeContext node = Here();
  node.zone = row.zone;
  const model::ServicePlan plan = Plan(service, {MakeSlice("s", row.endpoints)}, node);
  ASSERT_EQ(plan.ports.size(), 1u);
  ExpectPool(plan.ports[0], model::PoolScope::kCluster, row.cluster, row.any);
  ExpectPool(plan.ports[0], model::PoolScope::kLocal, row.local, row.any);
}

const std::vector<model::Endpoint> kFourInThreeZones = {
    InZones(Ready("10.0.0.1"), {"a"}), InZones(Ready("10.0.0.2"), {"b"}), InZones(Ready("10.0.0.3"), {"c"}),
    InZones(Ready("10.0.0.4"), {"a"})};
const std::vector<model::Endpoint> kFourWithTwoHere = {
    InZones(Ready("10.0.0.1", kHere), {"a"}), InZones(Ready("10.0.0.2", kHere), {"b"}),
    InZones(Ready("10.0.0.3", kThere), {"c"}), InZones(Ready("10.0.0.4", kThere), {"a"})};
const std::vector<model::Endpoint> kOneHereOneThere = {Ready("10.0.0.1", kHere), Ready("10.0.0.2", kThere)};

TEST(ZoneHintsTest, KeepTrafficInTheZoneIfTheyAreCompleteAndUseful) {
  const Row kRows[] = {
      {"complete hints leave the endpoints of this node's zone", Policies::kCluster, false, "a", kFourInThreeZones,
       Texts{"10.0.0.1", "10.0.0.4"}, std::nullopt},
      {"a node without the zone label ignores hints",
       Policies::kCluster,
       false,
       "",
       {InZones(Ready("10.0.0.1"), {"a"})},
       Texts{"10.0.0.1"},
       std::nullopt},
      {"an empty hint does not match a node without a zone",
       Policies::kCluster,
       false,
       "",
       {InZones(Ready("10.0.0.1"), {""}), InZones(Ready("10.0.0.2"), {"a"})},
       Texts{"10.0.0.1", "10.0.0.2"},
       std::nullopt},
      {"hints that name no endpoint for this zone are ignored",
       Policies::kCluster,
       false,
       "b",
       {InZones(Ready("10.0.0.1"), {"a"})},
       Texts{"10.0.0.1"},
       std::nullopt},
      {"an endpoint of the zone that is not ready is left out",
       Policies::kCluster,
       false,
       "a",
       {InZones(Ready("10.0.0.1"), {"a"}), InZones(Ready("10.0.0.2"), {"b"}), InZones(Ready("10.0.0.3"), {"c"}),
        InZones(NotReady("10.0.0.4"), {"a"})},
       Texts{"10.0.0.1"},
       std::nullopt},
      {"if the zone has none that is ready, hints are ignored",
       Policies::kCluster,
       false,
       "a",
       {InZones(NotReady("10.0.0.1"), {"a"}), InZones(Ready("10.0.0.2"), {"b"}), InZones(Ready("10.0.0.3"), {"c"}),
        InZones(NotReady("10.0.0.4"), {"a"})},
       Texts{"10.0.0.2", "10.0.0.3"},
       std::nullopt},
      {"one ready endpoint without a hint disables all hints",
       Policies::kCluster,
       false,
       "a",
       {InZones(Ready("10.0.0.1"), {"a"}), InZones(Ready("10.0.0.2"), {"b"}), Ready("10.0.0.3"),
        InZones(Ready("10.0.0.4"), {"a"})},
       Texts{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"},
       std::nullopt},
      {"one without a hint that is not ready disables nothing",
       Policies::kCluster,
       false,
       "a",
       {InZones(Ready("10.0.0.1"), {"a"}), InZones(Ready("10.0.0.2"), {"b"}), NotReady("10.0.0.3")},
       Texts{"10.0.0.1"},
       std::nullopt},
      {"an endpoint may be meant for several zones",
       Policies::kCluster,
       false,
       "c",
       {InZones(Ready("10.0.0.1"), {"a", "b", "c"}), InZones(Ready("10.0.0.2"), {"b", "c"}),
        InZones(Ready("10.0.0.3"), {"b", "d"}), InZones(Ready("10.0.0.4"), {"c"})},
       Texts{"10.0.0.1", "10.0.0.2", "10.0.0.4"},
       std::nullopt},
      {"externalTrafficPolicy Local: hints bind the cluster-wide set, not the Local one", Policies::kExternalLocal,
       true, "a", kFourWithTwoHere, Texts{"10.0.0.1", "10.0.0.4"}, Texts{"10.0.0.1", "10.0.0.2"}},
      {"internalTrafficPolicy Local: likewise", Policies::kInternalLocal, true, "a", kFourWithTwoHere,
       Texts{"10.0.0.1", "10.0.0.4"}, Texts{"10.0.0.1", "10.0.0.2"}},
      {"zone and place disagree: each set keeps what its own rule says, and together they reach three",
       Policies::kExternalLocal,
       true,
       "a",
       {InZones(Ready("10.0.0.1", kHere), {"a"}), InZones(Ready("10.0.0.2", kHere), {"b"}),
        InZones(Ready("10.0.0.3", kThere), {"a"}), InZones(Ready("10.0.0.4", kThere), {"b"})},
       Texts{"10.0.0.1", "10.0.0.3"},
       Texts{"10.0.0.1", "10.0.0.2"}},
  };
  for (const Row& row : kRows) Check(row);
}

TEST(ZoneHintsTest, TheOldAnnotationIsNotRead) {
  const Row row = {"hints count whatever the annotation says",
                   Policies::kCluster,
                   false,
                   "a",
                   kFourInThreeZones,
                   Texts{"10.0.0.1", "10.0.0.4"},
                   std::nullopt};
  for (const char* key : {"service.kubernetes.io/topology-mode", "service.kubernetes.io/topology-aware-hints"}) {
    for (const char* value : {"auto", "Auto", "aUto", "disabled", "Disabled", ""}) {
      SCOPED_TRACE(testing::Message() << key << ": " << value);
      Check(row, {{key, value}});
    }
  }
  Check(row);
}

TEST(NodeHintsTest, ComeBeforeZoneHintsAndFallBackToThem) {
  const auto hinted = [](model::Endpoint endpoint, Texts nodes, Texts zones) {
    return ForNodes(InZones(std::move(endpoint), std::move(zones)), std::move(nodes));
  };
  const Row kRows[] = {
      {"complete node hints leave the endpoints meant for this node",
       Policies::kCluster,
       false,
       "a",
       {hinted(Ready("10.0.0.1", kHere), {kHere}, {"a"}), hinted(Ready("10.0.0.2"), {kThere}, {"a"}),
        hinted(Ready("10.0.0.3"), {kThere, kHere}, {"b"})},
       Texts{"10.0.0.1", "10.0.0.3"},
       std::nullopt},
      {"node hints work without zone hints",
       Policies::kCluster,
       false,
       "a",
       {ForNodes(Ready("10.0.0.1", kHere), {kHere}), ForNodes(Ready("10.0.0.2"), {kThere})},
       Texts{"10.0.0.1"},
       std::nullopt},
      {"node hints work on a node without a zone",
       Policies::kCluster,
       false,
       "",
       {ForNodes(Ready("10.0.0.1", kHere), {kHere}), ForNodes(Ready("10.0.0.2"), {kThere})},
       Texts{"10.0.0.1"},
       std::nullopt},
      {"no endpoint is meant for this node: zone hints decide",
       Policies::kCluster,
       false,
       "a",
       {hinted(Ready("10.0.0.1"), {kThere}, {"a"}), hinted(Ready("10.0.0.2"), {"elsewhere"}, {"b"})},
       Texts{"10.0.0.1"},
       std::nullopt},
      {"one ready endpoint without a node hint: zone hints decide",
       Policies::kCluster,
       false,
       "a",
       {hinted(Ready("10.0.0.1", kHere), {kHere}, {"a"}), hinted(Ready("10.0.0.2"), {}, {"a"}),
        hinted(Ready("10.0.0.3"), {kThere}, {"b"})},
       Texts{"10.0.0.1", "10.0.0.2"},
       std::nullopt},
      {"the endpoint meant for this node is not ready: zone hints decide",
       Policies::kCluster,
       false,
       "a",
       {hinted(NotReady("10.0.0.1", kHere), {kHere}, {"a"}), hinted(Ready("10.0.0.2"), {kThere}, {"a"}),
        hinted(Ready("10.0.0.3"), {kThere}, {"b"})},
       Texts{"10.0.0.2"},
       std::nullopt},
      {"neither this node nor this zone is named: everybody",
       Policies::kCluster,
       false,
       "z",
       {hinted(Ready("10.0.0.1"), {kThere}, {"a"}), hinted(Ready("10.0.0.2"), {kThere}, {"b"})},
       Texts{"10.0.0.1", "10.0.0.2"},
       std::nullopt},
      {"node hints incomplete and zone hints incomplete: everybody",
       Policies::kCluster,
       false,
       "a",
       {hinted(Ready("10.0.0.1", kHere), {kHere}, {}), hinted(Ready("10.0.0.2"), {}, {"a"})},
       Texts{"10.0.0.1", "10.0.0.2"},
       std::nullopt},
      {"hints of terminating endpoints are not asked",
       Policies::kCluster,
       false,
       "a",
       {hinted(Ready("10.0.0.1", kHere), {kHere}, {"a"}), hinted(Ready("10.0.0.2"), {kThere}, {"a"}),
        Terminating("10.0.0.3")},
       Texts{"10.0.0.1"},
       std::nullopt},
      {"with nobody ready, hints do not narrow the fall-back",
       Policies::kCluster,
       false,
       "a",
       {hinted(Terminating("10.0.0.1", kHere), {kHere}, {"a"}), hinted(Terminating("10.0.0.2"), {kThere}, {"b"})},
       Texts{"10.0.0.1", "10.0.0.2"},
       std::nullopt},
      {"externalTrafficPolicy Local: node hints do not bind the Local set",
       Policies::kExternalLocal,
       true,
       "a",
       {ForNodes(Ready("10.0.0.1", kHere), {kThere}), ForNodes(Ready("10.0.0.2", kThere), {kHere})},
       Texts{"10.0.0.2"},
       Texts{"10.0.0.1"}},
  };
  for (const Row& row : kRows) Check(row);
}

TEST(NodeHintsTest, ANodeWithoutANameMatchesNoHint) {
  NodeContext nameless = Here();
  nameless.node_name = "";
  const model::ServicePlan plan =
      Plan(MakeService(), {MakeSlice("s", {ForNodes(Ready("10.0.0.1", ""), {""}), ForNodes(Ready("10.0.0.2"), {"x"})})},
           nameless);
  EXPECT_EQ(Selected(plan.ports[0].pools[0]), (Texts{"10.0.0.1", "10.0.0.2"}));
}

TEST(TrafficPolicyTest, DecidesWhichSetsThereAre) {
  const Row kRows[] = {
      {"internal Local, no endpoint: refuse", Policies::kInternalLocal, false, "a", {}, std::nullopt, Texts{}, false},
      {"internal Local, all elsewhere: a Local miss",
       Policies::kInternalLocal,
       false,
       "a",
       {Ready("10.0.0.1", kThere), Ready("10.0.0.2", kThere)},
       std::nullopt,
       Texts{}},
      {"internal Local, all here",
       Policies::kInternalLocal,
       false,
       "a",
       {Ready("10.0.0.1", kHere), Ready("10.0.0.2", kHere)},
       std::nullopt,
       Texts{"10.0.0.1", "10.0.0.2"}},
      {"internal Local, one here", Policies::kInternalLocal, false, "a", kOneHereOneThere, std::nullopt,
       Texts{"10.0.0.1"}},
      {"Cluster, nobody ready",
       Policies::kCluster,
       false,
       "a",
       {NotReady("10.0.0.1"), NotReady("10.0.0.2")},
       Texts{},
       std::nullopt,
       false},
      {"Cluster, one ready",
       Policies::kCluster,
       false,
       "a",
       {NotReady("10.0.0.1"), Ready("10.0.0.2")},
       Texts{"10.0.0.2"},
       std::nullopt},
      {"Cluster, all terminating: they serve, wherever they are",
       Policies::kCluster,
       false,
       "a",
       {Terminating("10.0.0.1", kHere), Terminating("10.0.0.2", kThere)},
       Texts{"10.0.0.1", "10.0.0.2"},
       std::nullopt},
      {"Cluster, all stopped: nobody, not even as the last resort",
       Policies::kCluster,
       false,
       "a",
       {Stopped("10.0.0.1", kHere), Stopped("10.0.0.2", kThere)},
       Texts{},
       std::nullopt,
       false},
      {"Cluster, a ready one beside terminating ones: not mixed",
       Policies::kCluster,
       false,
       "a",
       {Ready("10.0.0.1"), Terminating("10.0.0.2", kHere)},
       Texts{"10.0.0.1"},
       std::nullopt},
      {"serving, but neither ready nor terminating: not chosen",
       Policies::kCluster,
       false,
       "a",
       {Conditions("10.0.0.1", kHere, false, true, false)},
       Texts{},
       std::nullopt,
       false},
      {"internal Local, external Cluster: both sets", Policies::kInternalLocal, true, "a", kOneHereOneThere,
       Texts{"10.0.0.1", "10.0.0.2"}, Texts{"10.0.0.1"}},
      {"internal Cluster, external Local: both sets", Policies::kExternalLocal, true, "a", kOneHereOneThere,
       Texts{"10.0.0.1", "10.0.0.2"}, Texts{"10.0.0.1"}},
      {"both Local, reachable from outside: both sets, for the short-circuit", Policies::kBothLocal, true, "a",
       kOneHereOneThere, Texts{"10.0.0.1", "10.0.0.2"}, Texts{"10.0.0.1"}},
      {"both Local, all elsewhere",
       Policies::kBothLocal,
       true,
       "a",
       {Ready("10.0.0.1", kThere), Ready("10.0.0.2", kThere)},
       Texts{"10.0.0.1", "10.0.0.2"},
       Texts{}},
      {"both Local, all elsewhere and terminating: the cluster-wide set falls back, the Local one misses",
       Policies::kBothLocal,
       true,
       "a",
       {Terminating("10.0.0.1", kThere), Terminating("10.0.0.2", kThere)},
       Texts{"10.0.0.1", "10.0.0.2"},
       Texts{}},
      {"both Local, all elsewhere and stopped: none anywhere",
       Policies::kBothLocal,
       true,
       "a",
       {Stopped("10.0.0.1", kThere), Stopped("10.0.0.2", kThere)},
       Texts{},
       Texts{},
       false},
      {"external Local: the Local set falls back by itself while another node has ready ones",
       Policies::kExternalLocal,
       true,
       "a",
       {Ready("10.0.0.1", kThere), NotReady("10.0.0.2", kHere), Terminating("10.0.0.3", kHere),
        Terminating("10.0.0.4", kThere)},
       Texts{"10.0.0.1"},
       Texts{"10.0.0.3"}},
      {"external Local: ready ones here, so terminating ones here rest",
       Policies::kExternalLocal,
       true,
       "a",
       {Ready("10.0.0.1", kHere), Terminating("10.0.0.2", kHere)},
       Texts{"10.0.0.1"},
       Texts{"10.0.0.1"}},
      {"external Local, only stopped ones here: a Local miss",
       Policies::kExternalLocal,
       true,
       "a",
       {Ready("10.0.0.1", kThere), Stopped("10.0.0.2", kHere)},
       Texts{"10.0.0.1"},
       Texts{}},
      {"external Local means nothing to a Service that nobody can dial from outside", Policies::kExternalLocal, false,
       "a", kOneHereOneThere, Texts{"10.0.0.1", "10.0.0.2"}, std::nullopt},
      {"internal Local without an external address: no cluster-wide set", Policies::kInternalLocal, false, "a",
       kOneHereOneThere, std::nullopt, Texts{"10.0.0.1"}},
      {"both Local without an external address: no cluster-wide set either", Policies::kBothLocal, false, "a",
       kOneHereOneThere, std::nullopt, Texts{"10.0.0.1"}},
  };
  for (const Row& row : kRows) Check(row);
}

TEST(ConditionsTest, AbsentConditionsMeanReadyServingAndNotTerminating) {
  model::Endpoint silent;
  silent.address = "10.0.0.1";
  const model::ServicePlan plan = Plan(MakeService(), {MakeSlice("s", {silent})});
  const model::PlannedEndpoint& endpoint = plan.ports[0].endpoints[0];
  EXPECT_TRUE(endpoint.ready);
  EXPECT_TRUE(endpoint.serving);
  EXPECT_FALSE(endpoint.terminating);
  EXPECT_EQ(endpoint.cluster_verdict, model::EndpointVerdict::kSelected);
}

TEST(ConditionsTest, ReadyIsBelievedEvenIfTheEndpointDoesNotServe) {
  model::Service service = MakeService();
  service.publish_not_ready_addresses = true;
  const model::ServicePlan plan = Plan(service, {MakeSlice("s", {Conditions("10.0.0.1", kHere, true, false, false),
                                                                 Conditions("10.0.0.2", kHere, true, false, true)})});
  EXPECT_EQ(Selected(plan.ports[0].pools[0]), (Texts{"10.0.0.1", "10.0.0.2"}));
}

TEST(ConditionsTest, AnEndpointWithoutANodeIsNeverLocal) {
  model::Service service = MakeService();
  service.internal_traffic_policy = model::TrafficPolicy::kLocal;
  NodeContext nameless;  // an empty name must not match an empty name
  const model::ServicePlan plan = Plan(service, {MakeSlice("s", {Ready("10.0.0.1", "")})}, nameless);
  EXPECT_EQ(plan.ports[0].endpoints[0].local_verdict, model::EndpointVerdict::kNotLocal);
  EXPECT_EQ(plan.ports[0].pools[0].empty, model::EmptyPool::kLocalMiss);
}

TEST(VerdictTest, EveryEndpointLeftOutCarriesItsReason) {
  model::Service service = MakeService();
  service.external_traffic_policy = model::TrafficPolicy::kLocal;
  service.ports[0].node_port = 30080;
  model::EndpointSlice slice =
      MakeSlice("s", {InZones(Ready("10.0.0.1", kHere), {"a"}), InZones(Ready("10.0.0.2", kThere), {"b"}),
                      Terminating("10.0.0.3", kHere), Stopped("10.0.0.4", kHere), NotReady("10.0.0.5", kThere),
                      Terminating("10.0.0.6", kThere)});
  const model::ServicePlan plan = Plan(service, {slice});
  using V = model::EndpointVerdict;
  const std::pair<V, V> kExpected[] = {{V::kSelected, V::kSelected},       {V::kOtherZone, V::kNotLocal},
                                       {V::kTerminating, V::kTerminating}, {V::kNotServing, V::kNotServing},
                                       {V::kNotReady, V::kNotReady},       {V::kTerminating, V::kNotLocal}};
  ASSERT_EQ(plan.ports[0].endpoints.size(), std::size(kExpected));
  for (size_t i = 0; i < std::size(kExpected); ++i) {
    SCOPED_TRACE(plan.ports[0].endpoints[i].address_text);
    EXPECT_EQ(plan.ports[0].endpoints[i].cluster_verdict, kExpected[i].first);
    EXPECT_EQ(plan.ports[0].endpoints[i].local_verdict, kExpected[i].second);
  }
  for (model::Endpoint& endpoint : slice.endpoints) endpoint.hint_nodes = {endpoint.node_name};
  EXPECT_EQ(Plan(service, {slice}).ports[0].endpoints[1].cluster_verdict, V::kOtherNode);
}

}  // namespace
}  // namespace shunt::planner
