// SPDX-License-Identifier: Apache-2.0
// What the stager takes for a plan, and what it refuses. Plans that contradict themselves: table_datapath_test.cc.
#include "userspace/datapath/stager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/inventory_fixture.h"

namespace shunt::datapath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

model::ServicePlan Web(std::initializer_list<absl::string_view> backends, const char* name = "web") {
  return MakePlan(name, "10.96.0.10", 80, MakePool(backends, 8080));
}

class StagerTest : public InventoryFixture {};

TEST_F(StagerTest, ANewServiceTakesOneOfEachResourceAndWritesNothing) {
  Record();
  const Changes changes = Stage({Web({"10.244.0.1", "10.244.0.2"})});
  Change& change = *changes[0];
  ASSERT_TRUE(change.ok()) << change.status();
  ASSERT_EQ(change.ports().size(), 1u);
  const PortChange& port = change.ports()[0];
  EXPECT_TRUE(port.is_new);
  ASSERT_EQ(port.pools.size(), 1u);
  EXPECT_TRUE(port.pools[0].is_new);
  EXPECT_THAT(port.pools[0].set->members, ElementsAre(0, 1));
  EXPECT_EQ(shunt_pool_first(port.pools[0].word), port.pools[0].set->run.first);
  EXPECT_EQ(shunt_pool_count(port.pools[0].word), 2u);
  ASSERT_EQ(change.frontends().size(), 1u);
  EXPECT_TRUE(change.frontends()[0].is_new());
  EXPECT_EQ(change.frontends()[0].content.service_port, port.index);
  EXPECT_EQ(change.frontends()[0].content.internal_pool, port.pools[0].id);
  EXPECT_THAT(written_, IsEmpty());
  EXPECT_THAT(published().frontends, IsEmpty()) << "the record is the publisher's";
  EXPECT_THAT(change.service().ports, IsEmpty());
  EXPECT_EQ(published().owners[port.index], nullptr);
}

TEST_F(StagerTest, AChangedEndpointIsAnotherSetOfTheSamePool) {
  MustPublish({Web({"10.244.0.1", "10.244.0.2"})});
  const Changes changes = Stage({Web({"10.244.0.1", "10.244.0.3"})});
  Change& change = *changes[0];
  EXPECT_THAT(change.frontends(), IsEmpty());
  EXPECT_THAT(change.released(), IsEmpty());
  ASSERT_EQ(change.ports()[0].pools.size(), 1u);
  const PoolChange& pool = change.ports()[0].pools[0];
  EXPECT_FALSE(pool.is_new);
  EXPECT_FALSE(pool.new_id.held());
  EXPECT_EQ(pool.id, change.service().ports[0].pools[0].id);
  EXPECT_NE(pool.set->run, change.service().ports[0].pools[0].set.run);
}

TEST_F(StagerTest, AChangedRowKeepsItsIndexSlot) {
  MustPublish({Web({"10.244.0.1"})});
  model::ServicePlan web = Web({"10.244.0.1"});
  web.ports[0].affinity_timeout_s = 60;
  const Changes changes = Stage({web});
  ASSERT_EQ(changes[0]->frontends().size(), 1u);
  const FrontendChange& frontend = changes[0]->frontends()[0];
  const FrontendState& old = published().frontends.at(frontend.content.key);
  EXPECT_EQ(frontend.old_row, old.row);
  EXPECT_EQ(frontend.index_slot, old.index_slot);
  EXPECT_FALSE(frontend.new_index_slot.held());
  EXPECT_NE(frontend.row->id, old.row);
}

TEST_F(StagerTest, APlanWithoutPortsReleasesEveryFrontend) {
  MustPublish({Web({"10.244.0.1"})});
  const Changes changes = Stage({MakePlan("web", {})});
  ASSERT_EQ(changes[0]->released().size(), 1u);
  EXPECT_TRUE(FrontendKeyEqual()(changes[0]->released()[0]->key, EncodeFrontend(Dial("10.96.0.10", 80))));
  EXPECT_THAT(changes[0]->ports(), IsEmpty());
}

TEST_F(StagerTest, AnAddressThatAPlanNamesTwiceIsOneFrontend) {
  model::ServicePlan web = Web({"10.244.0.1"});
  web.ports[0].frontends.push_back(MakeFrontend(model::FrontendKind::kExternalIp, "10.96.0.10", 80));
  const Changes changes = Stage({web});
  ASSERT_EQ(changes[0]->frontends().size(), 1u);
  EXPECT_EQ(changes[0]->frontends()[0].kind, model::FrontendKind::kClusterIp);
}

TEST_F(StagerTest, ANewKeyBelongsToTheFirstChangeThatWantsIt) {
  const Changes changes = Stage({Web({"10.244.0.1"}), Web({"10.244.0.2"}, "rival")});
  EXPECT_TRUE(changes[0]->ok()) << changes[0]->status();
  EXPECT_EQ(changes[1]->stage(), Change::Stage::kRefused);
  EXPECT_EQ(changes[1]->status(),
            absl::FailedPreconditionError("apply Service default/rival: Service default/web holds "
                                          "its frontend 10.96.0.10:80/TCP"));
}

TEST_F(StagerTest, ARefusedChangeClaimsNoKey) {
  Limits limits = kLimits;
  limits.slots = 2;
  Create(limits);
  const Changes changes = Stage({Web({"10.244.0.1", "10.244.0.2", "10.244.0.3"}), Web({"10.244.0.1"}, "rival")});
  EXPECT_EQ(changes[0]->status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(changes[1]->ok()) << changes[1]->status();
}

TEST_F(StagerTest, APlanThatDoesNotFitTakesNothingAndNamesWhatItLacks) {
  Limits limits = kLimits;
  limits.backends = 2;
  Create(limits);
  const std::vector<uint32_t> before = Taken();
  const Changes changes = Stage({Web({"10.244.0.1", "10.244.0.2", "10.244.0.3"})});
  EXPECT_EQ(changes[0]->stage(), Change::Stage::kRefused);
  EXPECT_EQ(changes[0]->status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(changes[0]->status().message()),
              HasSubstr("map backends needs 3 more rows, 2 of 2 are free"));
  EXPECT_EQ(Taken(), before);
  EXPECT_EQ(addresses().changes(), 1u) << "the address is looked at once more";
  std::vector<Retired> retired;
  addresses().Publish(AddressBook::Turn::kAfterInsertions, retired);
  EXPECT_EQ(addresses().changes(), 0u) << "and nothing is wanted of it";
}

TEST_F(StagerTest, ATakerNamesItsGiver) {
  MustPublish({Web({"10.244.0.1"}, "old")});
  const Changes changes = Stage({MakePlan("old", {}), Web({"10.244.0.2"}, "new")});
  ASSERT_TRUE(changes[1]->ok()) << changes[1]->status();
  EXPECT_THAT(changes[1]->takes_from(), ElementsAre(&published().StateOf({"default", "old"})));
  EXPECT_FALSE(changes[1]->frontends()[0].is_new()) << "its row replaces the giver's";
}

TEST_F(StagerTest, AKeyThatItsServiceKeepsIsRefused) {
  MustPublish({Web({"10.244.0.1"}, "old")});
  const Changes changes = Stage({Web({"10.244.0.2"}, "new")});
  EXPECT_EQ(changes[0]->status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(changes[0]->status().message()), HasSubstr("Service default/old holds its frontend"));
}

// The frontend that goes to another Service may read the old pool until its row is replaced.
TEST_F(StagerTest, APoolThatATransferredFrontendReadsKeepsItsSet) {
  model::PortPlan port = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080));
  port.frontends.push_back(MakeFrontend(model::FrontendKind::kExternalIp, "203.0.113.5", 80));
  MustPublish({MakePlan("old", {port})});
  const Changes changes = Stage({MakePlan("old", "10.96.0.10", 80, MakePool({"10.244.0.2"}, 8080)),
                                 MakePlan("new", "203.0.113.5", 80, MakePool({"10.244.0.3"}, 8080))});
  ASSERT_TRUE(changes[0]->ok()) << changes[0]->status();
  ASSERT_EQ(changes[0]->ports()[0].pools.size(), 1u);
  EXPECT_TRUE(changes[0]->ports()[0].pools[0].is_new);
}

}  // namespace
}  // namespace shunt::datapath
