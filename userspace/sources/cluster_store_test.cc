// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/cluster_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace shunt::sources {
namespace {

using model::ObjectName;
using testing::ElementsAre;
using testing::IsEmpty;

const ObjectName kWeb{"shop", "web"};
const ObjectName kApi{"shop", "api"};

Event Service(const ObjectName& name, int32_t affinity_timeout_s = 0) {
  model::Service service;
  service.name = name;
  service.affinity_timeout_s = affinity_timeout_s;
  return Upsert{service};
}

Event Slice(const std::string& name, const std::string& service, size_t endpoints = 1) {
  model::EndpointSlice slice;
  slice.name = {"shop", name};
  if (!service.empty()) slice.labels["kubernetes.io/service-name"] = service;
  slice.endpoints.resize(endpoints);
  return Upsert{slice};
}

Event Node(const std::string& name, const std::string& zone) {
  model::Node node;
  node.name = name;
  node.labels["topology.kubernetes.io/zone"] = zone;
  return Upsert{node};
}

class ClusterStoreTest : public testing::Test {
 protected:
  void Settle(std::vector<Event> events) {
    for (Event& event : events) store_.Apply(std::move(event));
    store_.TakeChanged();
  }
  std::vector<std::string> SliceNames(const ObjectName& service) const {
    std::vector<std::string> names;
    for (const model::EndpointSlice* slice : store_.SlicesOf(service)) names.push_back(slice->name.name);
    return names;
  }

  ClusterStore store_{"node-1"};
};

TEST_F(ClusterStoreTest, AChangeIsTakenOnce) {
  store_.Apply(Service(kWeb));
  EXPECT_THAT(store_.TakeChanged(), ElementsAre(kWeb));
  EXPECT_THAT(store_.TakeChanged(), IsEmpty());
}

TEST_F(ClusterStoreTest, AnEqualObjectIsNoChange) {
  Settle({Service(kWeb), Slice("web-1", "web")});
  store_.Apply(Service(kWeb));
  store_.Apply(Slice("web-1", "web"));
  EXPECT_THAT(store_.TakeChanged(), IsEmpty());
}

TEST_F(ClusterStoreTest, ASliceMayComeBeforeItsService) {
  store_.Apply(Slice("web-1", "web"));
  EXPECT_THAT(store_.TakeChanged(), ElementsAre(kWeb));
  EXPECT_EQ(store_.FindService(kWeb), nullptr);
  store_.Apply(Service(kWeb));
  EXPECT_THAT(SliceNames(kWeb), ElementsAre("web-1"));
}

TEST_F(ClusterStoreTest, GivesTheFirstSlicesByNameIfNotAllAreWanted) {
  Settle({Service(kWeb), Slice("web-3", "web"), Slice("web-1", "web"), Slice("web-2", "web")});
  const std::vector<const model::EndpointSlice*> two = store_.SlicesOf(kWeb, 2);
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0]->name.name, "web-1");
  EXPECT_EQ(two[1]->name.name, "web-2");
  EXPECT_EQ(store_.SlicesOf(kWeb, 4).size(), 3u);
}

TEST_F(ClusterStoreTest, ASliceThatMovesLeavesItsOldService) {
  Settle({Service(kWeb), Service(kApi), Slice("a", "web"), Slice("b", "web")});
  store_.Apply(Slice("a", "api"));
  EXPECT_THAT(store_.TakeChanged(), ElementsAre(kApi, kWeb));
  EXPECT_THAT(SliceNames(kWeb), ElementsAre("b"));
  EXPECT_THAT(SliceNames(kApi), ElementsAre("a"));
}

TEST_F(ClusterStoreTest, ASliceThatLosesItsLabelBelongsToNobody) {
  Settle({Service(kWeb), Slice("a", "web")});
  store_.Apply(Slice("a", ""));
  EXPECT_THAT(store_.TakeChanged(), ElementsAre(kWeb));
  EXPECT_THAT(SliceNames(kWeb), IsEmpty());
}

TEST_F(ClusterStoreTest, RemovalsAreChanges) {
  Settle({Service(kWeb), Slice("a", "web")});
  store_.Apply(Remove{ObjectKind::kEndpointSlice, {"shop", "a"}});
  EXPECT_THAT(store_.TakeChanged(), ElementsAre(kWeb));
  EXPECT_THAT(SliceNames(kWeb), IsEmpty());
  store_.Apply(Remove{ObjectKind::kService, kWeb});
  EXPECT_THAT(store_.TakeChanged(), ElementsAre(kWeb));
  EXPECT_EQ(store_.FindService(kWeb), nullptr);
  store_.Apply(Remove{ObjectKind::kService, kWeb});
  EXPECT_THAT(store_.TakeChanged(), IsEmpty()) << "it was gone already";
}

TEST_F(ClusterStoreTest, ANodeMarksNoService) {
  Settle({Service(kWeb), Service(kApi), Node("node-1", "a")});
  store_.Apply(Node("node-2", "b"));
  EXPECT_EQ(store_.ThisNode()->Zone(), "a");
  store_.Apply(Node("node-1", "b"));
  EXPECT_EQ(store_.ThisNode()->Zone(), "b");
  store_.Apply(Remove{ObjectKind::kNode, {"", "node-1"}});
  EXPECT_EQ(store_.ThisNode(), nullptr);
  EXPECT_THAT(store_.TakeChanged(), IsEmpty());
}

TEST_F(ClusterStoreTest, KnowsTheNamesOfAllNodes) {
  Settle({Node("node-1", "a"), Node("node-2", "a"), Node("node-2", "b")});
  EXPECT_THAT(store_.NodeNames(), ElementsAre("node-1", "node-2"));
  store_.Apply(Remove{ObjectKind::kNode, {"", "node-2"}});
  EXPECT_THAT(store_.NodeNames(), ElementsAre("node-1"));
}

TEST_F(ClusterStoreTest, ServicesCanBeMarkedByTheirClusterIp) {
  const auto with_ips = [](const ObjectName& name, const std::vector<std::string>& cluster_ips) {
    model::Service service;
    service.name = name;
    service.cluster_ips = cluster_ips;
    return Upsert{service};
  };
  const auto marked = [&](absl::string_view address) {
    store_.MarkClusterIpChanged(*model::IpAddress::Parse(address));
    return store_.TakeChanged();
  };
  Settle({with_ips(kWeb, {"10.96.0.1", "fd00::1"}), with_ips(kApi, {"10.96.0.1"}),
          with_ips({"shop", "headless"}, {"None"})});
  EXPECT_THAT(marked("10.96.0.1"), ElementsAre(kApi, kWeb)) << "two by a fault, until one of them goes";
  EXPECT_THAT(marked("fd00::1"), ElementsAre(kWeb));
  EXPECT_THAT(marked("10.96.0.2"), IsEmpty());
  Settle({with_ips(kWeb, {"010.96.0.2", "10.96.0.2"})});
  EXPECT_THAT(marked("10.96.0.1"), ElementsAre(kApi));
  EXPECT_THAT(marked("fd00::1"), IsEmpty());
  EXPECT_THAT(marked("10.96.0.2"), ElementsAre(kWeb));
  Settle({Remove{ObjectKind::kService, kWeb}, Remove{ObjectKind::kService, kApi}});
  EXPECT_THAT(marked("10.96.0.2"), IsEmpty());
  EXPECT_THAT(marked("10.96.0.1"), IsEmpty());
}

}  // namespace
}  // namespace shunt::sources
