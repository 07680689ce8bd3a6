// SPDX-License-Identifier: Apache-2.0
// What a failed write leaves behind, step by step. The order of writes when none fails: table_datapath_test.cc; what
// programs see after each of them: history_test.cc.
#include "userspace/datapath/publisher.h"

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

class PublisherTest : public InventoryFixture {
 protected:
  Change::Stage PublishOne(const model::ServicePlan& plan) {
    changes_ = Stage({plan});
    Publish(changes_);
    return changes_[0]->stage();
  }
  void ExpectCompletesWithoutFailure(const model::ServicePlan& plan) {
    maps_->hooks().before = nullptr;
    MustPublish({plan});
    EXPECT_TRUE(Stage({plan})[0]->IsEmpty()) << "nothing is left to do";
  }

  Changes changes_;
};

TEST_F(PublisherTest, RecordsWhatItHasWritten) {
  EXPECT_EQ(PublishOne(Web({"10.244.0.1"})), Change::Stage::kPublished);
  const ServiceState& web = changes_[0]->service();
  const shunt_frontend_key key = EncodeFrontend(Dial("10.96.0.10", 80));
  ASSERT_EQ(web.frontends.size(), 1u);
  ASSERT_EQ(web.ports.size(), 1u);
  EXPECT_EQ(published().OwnerOf(published().frontends.at(key)), &web);
  EXPECT_EQ(published().frontends.at(key).row, SimulatedReader(tables_).FindRow(key));
  EXPECT_EQ(web.ports[0].pools[0].word, SimulatedReader(tables_).PoolWord(web.ports[0].pools[0].id));
  EXPECT_TRUE(allocator().quarantine().empty());
}

TEST_F(PublisherTest, LeavesARefusedChangeAlone) {
  changes_ = Stage({Web({"10.244.0.1"})});
  changes_[0]->Fail(absl::FailedPreconditionError("scripted"));
  Record();
  Publish(changes_);
  EXPECT_EQ(changes_[0]->stage(), Change::Stage::kRefused);
  EXPECT_EQ(changes_[0]->status(), absl::FailedPreconditionError("scripted"));
  EXPECT_THAT(written_, ElementsAre("meta")) << "the generation that it has used up";
  EXPECT_EQ(Backends("10.96.0.10", 80), "not a service");
}

// A tenant's ClusterIP whose row cannot be written is no matter of another tenant's NodePort.
TEST_F(PublisherTest, AnAddressThatIsNotTheNodesFailsNoNodePort) {
  model::PortPlan port = MakePort("10.96.0.11", 80, MakePool({"10.244.0.1"}, 8080));
  port.frontends.push_back(MakeFrontend(model::FrontendKind::kNodePort, "0.0.0.0", 30080));
  MustPublish({MakePlan("shop", {port})});
  port.pools[0] = MakePool({"10.244.0.2"}, 8080);
  changes_ = Stage({Web({"10.244.0.1"}), MakePlan("shop", {port})});
  int rows = 0;  // the first is the frontend's, the second the address's
  maps_->hooks().before = [&rows](absl::string_view table) {
    return table == "frontend_rows" && ++rows == 2 ? absl::UnavailableError("scripted") : absl::OkStatus();
  };
  Publish(changes_);
  EXPECT_EQ(changes_[0]->status(), absl::UnavailableError("scripted"));
  EXPECT_TRUE(changes_[1]->ok()) << changes_[1]->status();
  EXPECT_EQ(Backends("10.96.0.11", 80), "10.244.0.2");
  ExpectCompletesWithoutFailure(Web({"10.244.0.1"}));
}

// ---- step 1 ----

// The seven writes of one changed endpoint: meta, endpoint_filter twice, backends, slots, slots, pools.
TEST_F(PublisherTest, TheFifthOfSevenWritesFails) {
  MustPublish({Web({"10.244.0.1", "10.244.0.2"})});
  const uint64_t word = SimulatedReader(tables_).PoolWord(0);
  FailWrite("slots");
  Record();
  EXPECT_EQ(PublishOne(Web({"10.244.0.1", "10.244.0.3"})), Change::Stage::kAbandoned);
  EXPECT_EQ(changes_[0]->status(), absl::UnavailableError("scripted"));
  EXPECT_THAT(written_, ElementsAre("meta", "endpoint_filter", "endpoint_filter", "backends"));
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1 10.244.0.2");
  EXPECT_EQ(changes_[0]->service().ports[0].pools[0].word, word) << "the record says so too";
  EXPECT_EQ(allocator().quarantine().size(), 1u) << "the new set";
  const std::vector<uint32_t> taken = Taken();
  PassGrace();
  EXPECT_EQ(taken[3] - Taken()[3], 2u) << "its slots are free again";
  EXPECT_EQ(taken[4] - Taken()[4], 1u) << "and so is the new backend";
  ExpectCompletesWithoutFailure(Web({"10.244.0.1", "10.244.0.3"}));
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1 10.244.0.3");
}

TEST_F(PublisherTest, AGenerationThatCannotBeWrittenFailsEveryChange) {
  FailWrite("meta");
  changes_ = Stage({Web({"10.244.0.1"}), MakePlan("api", "10.96.0.11", 80, MakePool({"10.244.0.2"}, 8080))});
  Record();
  Publish(changes_);
  EXPECT_EQ(changes_[0]->stage(), Change::Stage::kAbandoned);
  EXPECT_EQ(changes_[1]->stage(), Change::Stage::kAbandoned);
  EXPECT_THAT(written_, IsEmpty());
  PassGrace();
  EXPECT_THAT(Taken(), ElementsAre(0, 0, 0, 0, 0, 0));
}

// ---- step 2 ----

TEST_F(PublisherTest, AFrontendThatCannotBeRemovedStaysWhole) {
  MustPublish({Web({"10.244.0.1"})});
  FailWrite("frontend_index", 2);  // the first one is its address, which is no longer a ClusterIP
  EXPECT_EQ(PublishOne(MakePlan("web", {})), Change::Stage::kAbandoned);
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1");
  EXPECT_EQ(SimulatedReader(tables_).Read(Dial("10.96.0.10", 81), true).outcome, Outcome::kUnusedPort)
      << "and its address is a ClusterIP again";
  EXPECT_EQ(changes_[0]->service().frontends.size(), 1u);
  ExpectCompletesWithoutFailure(MakePlan("web", {}));
  EXPECT_THAT(SimulatedReader(tables_).AllRows(), IsEmpty());
}

TEST_F(PublisherTest, AnAddressThatCannotBeGivenUpKeepsItsFrontends) {
  MustPublish({Web({"10.244.0.1"})});
  FailWrite("frontend_index");
  EXPECT_EQ(PublishOne(MakePlan("web", {})), Change::Stage::kAbandoned);
  EXPECT_EQ(changes_[0]->status(), absl::UnavailableError("scripted"));
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1");
  ExpectCompletesWithoutFailure(MakePlan("web", {}));
}

// ---- step 3 ----

TEST_F(PublisherTest, AWordThatCannotBeStoredLeavesTheOldSet) {
  MustPublish({Web({"10.244.0.1"})});
  FailWrite("pools");
  EXPECT_EQ(PublishOne(Web({"10.244.0.2"})), Change::Stage::kAbandoned);
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1");
  PassGrace();
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1") << "only the new set was retired";
  ExpectCompletesWithoutFailure(Web({"10.244.0.2"}));
}

TEST_F(PublisherTest, ASetThatWasPublishedBeforeAFailureIsKept) {
  const auto plan = [](absl::string_view first, absl::string_view second) {
    return MakePlan("web", {MakePort("10.96.0.10", 80, MakePool({first}, 8080)),
                            MakePort("10.96.0.10", 81, MakePool({second}, 8080))});
  };
  MustPublish({plan("10.244.0.1", "10.244.0.2")});
  FailWrite("pools", 2);
  EXPECT_EQ(PublishOne(plan("10.244.0.3", "10.244.0.4")), Change::Stage::kAbandoned);
  PassGrace();
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.3");
  EXPECT_EQ(Backends("10.96.0.10", 81), "10.244.0.2");
  ExpectCompletesWithoutFailure(plan("10.244.0.3", "10.244.0.4"));
  EXPECT_EQ(Backends("10.96.0.10", 81), "10.244.0.4");
}

// ---- step 4 ----

TEST_F(PublisherTest, OneFrontendThatCannotBePutHindersNoOther) {
  model::PortPlan port = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080));
  port.frontends.push_back(MakeFrontend(model::FrontendKind::kExternalIp, "203.0.113.5", 80));
  const model::ServicePlan web = MakePlan("web", {port});
  FailWrite("frontend_index");
  EXPECT_EQ(PublishOne(web), Change::Stage::kPublished);
  EXPECT_EQ(changes_[0]->status(), absl::UnavailableError("scripted"));
  EXPECT_EQ(Backends("10.96.0.10", 80), "not a service");
  EXPECT_EQ(Backends("203.0.113.5", 80), "10.244.0.1");
  EXPECT_EQ(changes_[0]->service().frontends.size(), 1u);
  EXPECT_EQ(allocator().quarantine().size(), 1u) << "the row that nothing leads to";
  ExpectCompletesWithoutFailure(web);
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1");
}

// A connect to the port that could not be put is not refused as one to a port that no service uses.
TEST_F(PublisherTest, AnAddressIsNoClusterIpWhileAFrontendIsMissingThere) {
  model::PortPlan http = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080));
  model::PortPlan https = MakePort("10.96.0.10", 443, MakePool({"10.244.0.1"}, 8443));
  https.name = "https";
  const model::ServicePlan web = MakePlan("web", {http, https});
  FailWrite("frontend_index", 2);
  PublishOne(web);
  EXPECT_EQ(changes_[0]->status(), absl::UnavailableError("scripted"));
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1");
  EXPECT_EQ(Backends("10.96.0.10", 443), "not a service");
  MustPublish({MakePlan("other", "10.96.0.11", 80, MakePool({"10.244.0.2"}, 8080))});
  EXPECT_EQ(Backends("10.96.0.11", 81), "unused port");
  EXPECT_EQ(Backends("10.96.0.10", 443), "not a service") << "whatever else is published";
  ExpectCompletesWithoutFailure(web);
  EXPECT_EQ(Backends("10.96.0.10", 443), "10.244.0.1");
  EXPECT_EQ(Backends("10.96.0.10", 81), "unused port");
}

// ---- step 5 ----

TEST_F(PublisherTest, NothingIsRetiredThatAFrontendMayStillRead) {
  MustPublish({Web({"10.244.0.1"})});
  const uint32_t pool = published().StateOf({"default", "web"}).ports[0].pools[0].id;
  model::ServicePlan renamed = Web({"10.244.0.2"});
  renamed.ports[0].name = "http";  // another service port, with a pool of its own
  FailWrite("frontend_index");
  EXPECT_EQ(PublishOne(renamed), Change::Stage::kPublished);
  PassGrace();
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1");
  EXPECT_TRUE(allocator().pools().IsTaken(pool));
  ExpectCompletesWithoutFailure(renamed);
  PassGrace();
  EXPECT_FALSE(allocator().pools().IsTaken(pool));
}

// Sockets may remember a pool for as long as its word has a generation.
TEST_F(PublisherTest, APoolWhoseWordCannotBeWithdrawnStaysWholeUntilItIs) {
  model::PortPlan http = MakePort("10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080));
  model::PortPlan https = MakePort("10.96.0.10", 443, MakePool({"10.244.0.2"}, 8443));
  https.name = "https";
  model::PortPlan policy = http;
  policy.pools.push_back(MakePool({"10.244.0.3"}, 8080));
  policy.frontends[0].external_pool = 1;
  const struct {
    const char* what;
    model::ServicePlan before, after;
    size_t port, pool;  // which one goes
  } cases[] = {
      {"the Service goes", MakePlan("web", {http}), MakePlan("web", {}), 0, 0},
      {"its port goes", MakePlan("web", {http, https}), MakePlan("web", {http}), 1, 0},
      {"the pool goes", MakePlan("web", {policy}), MakePlan("web", {http}), 0, 1},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    Create(kLimits);
    MustPublish({c.before});
    const uint32_t pool = published().StateOf({"default", "web"}).ports[c.port].pools[c.pool].id;
    const SimulatedReader reader(tables_);
    const ReadSet set = reader.Set(reader.PoolWord(pool));
    // A pool that a frontend leaves gets another generation too.
    maps_->hooks().before = [](absl::string_view table) {
      return table == "pools" ? absl::UnavailableError("scripted") : absl::OkStatus();
    };
    EXPECT_EQ(PublishOne(c.after), Change::Stage::kPublished);
    EXPECT_EQ(changes_[0]->status(), absl::UnavailableError("scripted"));
    maps_->hooks().before = nullptr;
    PassGrace();
    EXPECT_TRUE(allocator().pools().IsTaken(pool));
    EXPECT_EQ(reader.Set(reader.PoolWord(pool)), set);
    ExpectCompletesWithoutFailure(c.after);
    EXPECT_EQ(shunt_pool_generation(reader.PoolWord(pool)), 0u);
    EXPECT_EQ(reader.Set(reader.PoolWord(pool)), set) << "a late reader finds it until the grace period ends";
    PassGrace();
    EXPECT_FALSE(allocator().pools().IsTaken(pool));
  }
}

// ---- transfers ----

TEST_F(PublisherTest, ATakerFailsWithItsGiver) {
  MustPublish({Web({"10.244.0.1"}, "old")});
  // The giver keeps another frontend, whose new set cannot be written.
  changes_ = Stage({MakePlan("old", "10.96.0.11", 80, MakePool({"10.244.0.2"}, 8080)), Web({"10.244.0.3"}, "new")});
  FailWrite("slots");
  Publish(changes_);
  EXPECT_EQ(changes_[0]->stage(), Change::Stage::kAbandoned);
  EXPECT_EQ(changes_[1]->stage(), Change::Stage::kAbandoned);
  EXPECT_THAT(std::string(changes_[1]->status().message()), HasSubstr("takes a frontend of Service default/old"));
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1");
}

TEST_F(PublisherTest, AGiverWaitsForATakerThatFails) {
  MustPublish({Web({"10.244.0.1"}, "old")});
  changes_ = Stage({MakePlan("old", {}), Web({"10.244.0.3"}, "new")});
  FailWrite("slots");
  Publish(changes_);
  EXPECT_EQ(changes_[1]->stage(), Change::Stage::kAbandoned);
  EXPECT_EQ(changes_[0]->waits_for(), (std::vector<const ServiceState*>{&changes_[1]->service()}));
  EXPECT_THAT(std::string(changes_[0]->status().message()),
              HasSubstr("frontend 10.96.0.10:80/TCP stays until Service default/new can take it"));
  EXPECT_EQ(Backends("10.96.0.10", 80), "10.244.0.1");
}

TEST_F(PublisherTest, AGiverDoesNotWaitForATakerThatIsGivenUp) {
  MustPublish({Web({"10.244.0.1"}, "old")});
  changes_ = Stage({MakePlan("old", {}), Web({"10.244.0.3"}, "new")});
  changes_[1]->Fail(absl::ResourceExhaustedError("does not fit"));
  given_up_.insert(&changes_[1]->service());
  Publish(changes_);
  EXPECT_TRUE(changes_[0]->ok()) << changes_[0]->status();
  EXPECT_EQ(Backends("10.96.0.10", 80), "not a service");
}

}  // namespace
}  // namespace shunt::datapath
