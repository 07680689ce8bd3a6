// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "userspace/planner/testing/test_objects.h"

namespace shunt::planner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

model::Service ServiceWithWeights(const std::string& json) {
  model::Service service = MakeService();
  service.annotations["shunt-lb.io/endpoint-weights"] = json;
  return service;
}

TEST(SliceWeightTest, IsTheAnnotationOrOne) {
  const struct {
    const char* text;
    uint32_t weight;
  } kRows[] = {{"0", 0}, {"1", 1}, {"42", 42}, {"1000000", 1'000'000}, {"007", 7}};
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.text);
    model::EndpointSlice slice = MakeSlice("s", {});
    slice.annotations["shunt-lb.io/weight"] = row.text;
    Warnings warnings;
    EXPECT_EQ(SliceWeight(slice, warnings), row.weight);
    EXPECT_THAT(std::move(warnings).Take(), IsEmpty());
  }
  Warnings warnings;
  EXPECT_EQ(SliceWeight(MakeSlice("s", {}), warnings), 1u);
  EXPECT_THAT(std::move(warnings).Take(), IsEmpty());
}

TEST(SliceWeightTest, ABadValueIsOneWithAWarning) {
  for (const char* text :
       {"", " 5", "5 ", "+5", "-1", "1.5", "1e3", "1000001", "99999999999999999999", "0x10", "many"}) {
    SCOPED_TRACE(text);
    model::EndpointSlice slice = MakeSlice("web-1", {});
    slice.annotations["shunt-lb.io/weight"] = text;
    Warnings warnings;
    EXPECT_EQ(SliceWeight(slice, warnings), 1u);
    EXPECT_THAT(std::move(warnings).Take(),
                ElementsAre(testing::AllOf(HasSubstr("EndpointSlice web-1"), HasSubstr("from 0 to 1000000"))));
  }
}

TEST(EndpointWeightsTest, TheMostSpecificWins) {
  Warnings warnings;
  const EndpointWeights weights(
      ServiceWithWeights(
          R"({"10.0.0.1": 11, "fd00:0::1": 66, "pod/web-a": 22, "node/here": 33, "zone/a": 44, "zone/b": 0})"),
      warnings);
  EXPECT_THAT(std::move(warnings).Take(), IsEmpty());
  const struct {
    const char* sentence;
    const char* address;
    const char* pod;
    const char* node;
    const char* zone;
    uint32_t weight;
  } kRows[] = {
      {"address before everything", "10.0.0.1", "web-a", "here", "a", 11},
      {"an address is a value, not a text", "fd00::1", "web-a", "here", "a", 66},
      {"pod before node", "10.0.0.2", "web-a", "here", "a", 22},
      {"node before zone", "10.0.0.2", "web-b", "here", "a", 33},
      {"zone before slice", "10.0.0.2", "web-b", "there", "a", 44},
      {"0 is a weight, not an absence", "10.0.0.2", "web-b", "there", "b", 0},
      {"the slice's weight last", "10.0.0.2", "web-b", "there", "c", 5},
      {"an endpoint without names has the slice's weight", "10.0.0.2", "", "", "", 5},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    model::Endpoint endpoint;
    endpoint.pod_name = row.pod;
    endpoint.node_name = row.node;
    endpoint.zone = row.zone;
    EXPECT_EQ(weights.Of(Address(row.address), endpoint, 5), row.weight);
  }
}

TEST(EndpointWeightsTest, ABadEntryIsIgnoredAndTheOthersHold) {
  const struct {
    const char* sentence;
    const char* entry;
    const char* complaint;
  } kRows[] = {
      {"a negative weight", R"("pod/x": -1)", "value of \"pod/x\""},
      {"a fraction", R"("pod/x": 1.5)", "value of \"pod/x\""},
      {"a whole number written as a fraction", R"("pod/x": 1.0)", "value of \"pod/x\""},
      {"too great", R"("pod/x": 1000001)", "value of \"pod/x\""},
      {"too great for 64 bits", R"("pod/x": 18446744073709551616)", "value of \"pod/x\""},
      {"a text", R"("pod/x": "5")", "value of \"pod/x\""},
      {"null", R"("pod/x": null)", "value of \"pod/x\""},
      {"a list", R"("pod/x": [[[[5]]]])", "value of \"pod/x\""},
      {"a key of no kind", R"("deployment/x": 5)", "key \"deployment/x\""},
      {"a key without a name", R"("zone/": 5)", "key \"zone/\""},
      {"an address with a port", R"("10.0.0.1:80": 5)", "key \"10.0.0.1:80\""},
      {"an empty key", R"("": 5)", "key \"\""},
      {"a terminal's escape sequence", R"("\u001b[2J": 5)", "key \"\\x1b[2J\""},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.sentence);
    Warnings warnings;
    const EndpointWeights weights(ServiceWithWeights(std::string("{") + row.entry + R"(, "10.0.0.9": 9})"), warnings);
    EXPECT_THAT(std::move(warnings).Take(), ElementsAre(HasSubstr(row.complaint)));
    model::Endpoint endpoint;
    endpoint.pod_name = "x";
    EXPECT_EQ(weights.Of(Address("10.0.0.1"), endpoint, 3), 3u);
    EXPECT_EQ(weights.Of(Address("10.0.0.9"), endpoint, 3), 9u);
  }
}

TEST(EndpointWeightsTest, AnAnnotationThatIsNoObjectIsIgnoredWhole) {
  const std::string deep(100'000, '[');
  const std::string huge = "{\"pod/x\": 5" + std::string(300'000, ' ') + "}";
  for (const std::string& text : {std::string(), std::string("5"), std::string("[]"), std::string("null"),
                                  std::string("{\"pod/x\": 5"), std::string("{'pod/x': 5}"), deep, huge}) {
    SCOPED_TRACE(text.substr(0, 20));
    Warnings warnings;
    const EndpointWeights weights(ServiceWithWeights(text), warnings);
    EXPECT_THAT(std::move(warnings).Take(), ElementsAre(HasSubstr("the annotation is ignored")));
    model::Endpoint endpoint;
    endpoint.pod_name = "x";
    EXPECT_EQ(weights.Of(Address("10.0.0.1"), endpoint, 3), 3u);
  }
}

TEST(EndpointWeightsTest, WarningsAreCapped) {
  std::string json = "{";
  for (int i = 0; i < 1000; ++i) json += "\"bad" + std::to_string(i) + "\": 1,";
  json.back() = '}';
  Warnings warnings;
  const EndpointWeights weights(ServiceWithWeights(json), warnings);
  const std::vector<std::string> sentences = std::move(warnings).Take();
  ASSERT_EQ(sentences.size(), Warnings::kMax + 1);
  EXPECT_EQ(sentences.back(), "and 980 more");
}

TEST(WeightedPlanTest, MembersCarryTheirWeightsAndTheDrainedKeepTheirFlows) {
  model::Service service = ServiceWithWeights(R"({"10.0.0.1": 3, "10.0.0.3": 0})");
  const model::ServicePlan plan =
      Plan(service, {MakeSlice("s", {Ready("10.0.0.1"), Ready("10.0.0.2"), Ready("10.0.0.3")})});
  const model::Pool& pool = plan.ports[0].pools[0];
  ASSERT_EQ(pool.members.size(), 3u);
  EXPECT_EQ(pool.members[0].weight, 3u);
  EXPECT_EQ(pool.members[1].weight, 1u);
  EXPECT_EQ(pool.members[2].weight, 0u);
  EXPECT_EQ(pool.slots[2].threshold, 0u);
  EXPECT_EQ(plan.ports[0].endpoints[2].cluster_verdict, model::EndpointVerdict::kWeightZero);
}

TEST(WeightedPlanTest, AllWeightsZeroIsNoEndpoint) {
  model::EndpointSlice slice = MakeSlice("s", {Ready("10.0.0.1"), Ready("10.0.0.2")});
  slice.annotations["shunt-lb.io/weight"] = "0";
  const model::ServicePlan plan = Plan(MakeService(), {slice});
  const model::Pool& pool = plan.ports[0].pools[0];
  EXPECT_EQ(pool.members.size(), 2u);
  EXPECT_TRUE(pool.slots.empty());
  EXPECT_EQ(pool.empty, model::EmptyPool::kNoEndpoints);
}

TEST(WeightedPlanTest, DrainingTheOnlyZoneOrNodeSendsTrafficElsewhere) {
  model::Service service = ServiceWithWeights(R"({"10.0.0.1": 0})");
  service.internal_traffic_policy = model::TrafficPolicy::kLocal;
  service.ports[0].node_port = 30080;
  const model::ServicePlan plan =
      Plan(service, {MakeSlice("s", {InZones(Ready("10.0.0.1", "here"), {"a"}), InZones(Ready("10.0.0.2"), {"b"})})});
  EXPECT_EQ(Selected(*PoolOf(plan.ports[0], model::PoolScope::kCluster)), (Texts{"10.0.0.2"}));
  const model::Pool& local = *PoolOf(plan.ports[0], model::PoolScope::kLocal);
  EXPECT_TRUE(local.slots.empty());
  EXPECT_EQ(local.empty, model::EmptyPool::kLocalMiss);
}

}  // namespace
}  // namespace shunt::planner
