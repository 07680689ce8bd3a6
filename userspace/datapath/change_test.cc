// SPDX-License-Identifier: Apache-2.0
// What becomes of the resources of a change at each of its stages.
#include "userspace/datapath/change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <variant>
#include <vector>

#include "userspace/datapath/testing/inventory_fixture.h"

namespace shunt::datapath {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ChangeTest : public InventoryFixture {
 protected:
  std::unique_ptr<Change> StageWeb(std::initializer_list<absl::string_view> backends = {"10.244.0.1", "10.244.0.2"}) {
    return std::move(Stage({MakePlan("web", "10.96.0.10", 80, MakePool(backends, 8080))})[0]);
  }
  // Kinds of resources, by their position in Retired.
  static std::vector<size_t> Kinds(const std::vector<Retired>& retired) {
    std::vector<size_t> kinds;
    for (const Retired& resource : retired) kinds.push_back(resource.index());
    return kinds;
  }

  std::vector<Retired> retired_;
};

TEST_F(ChangeTest, AStagedChangeHoldsItsResourcesUntilItIsDestroyed) {
  const std::vector<uint32_t> before = Taken();
  std::unique_ptr<Change> change = StageWeb();
  EXPECT_EQ(change->stage(), Change::Stage::kStaged);
  EXPECT_THAT(Taken(), ElementsAre(2, 1, 1, 2, 2, 0)) << "a row for the frontend and one for its address";
  change.reset();
  EXPECT_EQ(Taken(), before);
}

TEST_F(ChangeTest, AFailureBeforeAnyWriteFreesEverythingAtOnce) {
  const std::vector<uint32_t> before = Taken();
  const std::unique_ptr<Change> change = StageWeb();
  change->Fail(absl::FailedPreconditionError("scripted"));
  EXPECT_EQ(change->stage(), Change::Stage::kRefused);
  EXPECT_EQ(change->status(), absl::FailedPreconditionError("scripted"));
  EXPECT_EQ(Taken(), before);
  EXPECT_THAT(change->ports(), IsEmpty());
  EXPECT_THAT(change->frontends(), IsEmpty());
}

TEST_F(ChangeTest, AFailureWhileWritingRetiresWhatMayBeWritten) {
  const std::unique_ptr<Change> change = StageWeb();
  change->BeginWriting(retired_);
  change->Fail(absl::UnavailableError("scripted"));
  EXPECT_EQ(change->stage(), Change::Stage::kAbandoned);
  EXPECT_THAT(Kinds(retired_), ElementsAre(Retired(FrontendRow{}).index(), Retired(PoolId{}).index(),
                                           Retired(BackendSet{}).index(), Retired(ServicePortIndex{}).index()));
  EXPECT_THAT(std::get<BackendSet>(retired_[2]).members, ElementsAre(0, 1));
  EXPECT_THAT(Taken(), ElementsAre(1, 1, 1, 2, 2, 0))
      << "only the address's row, which was never written, is free again";
}

TEST_F(ChangeTest, AFailureAfterPublicationLeavesTheContentToThePublisher) {
  const std::unique_ptr<Change> change = StageWeb();
  change->BeginWriting(retired_);
  change->BeginPublishing();
  change->Fail(absl::UnavailableError("scripted"));
  EXPECT_EQ(change->stage(), Change::Stage::kPublished);
  EXPECT_FALSE(change->ok());
  EXPECT_EQ(change->frontends().size(), 1u);
  EXPECT_THAT(retired_, IsEmpty());
}

TEST_F(ChangeTest, AnIndexSlotIsFreeAtOnceAtEveryStage) {
  const std::unique_ptr<Change> change = StageWeb();
  const shunt_frontend_key key = change->frontends()[0].content.key;
  const uint32_t index_slot = change->frontends()[0].index_slot;
  change->BeginWriting(retired_);
  change->Fail(absl::UnavailableError("scripted"));
  Need need;
  EXPECT_EQ(allocator().TakeIndexSlot(key, need), index_slot);
}

TEST_F(ChangeTest, AFailureRestoresTheCountsOfReleasedFrontends) {
  MustPublish({MakePlan("web", "10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080))});
  const std::unique_ptr<Change> change = std::move(Stage({MakePlan("web", {})})[0]);
  ASSERT_EQ(change->released().size(), 1u);
  EXPECT_TRUE(addresses().ClaimsUnwantedClusterIp(Ip("10.96.0.10"))) << "it is to go";
  change->Fail(absl::FailedPreconditionError("scripted"));
  EXPECT_FALSE(addresses().ClaimsUnwantedClusterIp(Ip("10.96.0.10"))) << "and stays";
}

TEST_F(ChangeTest, AGiverRemembersWhichTakerItWaitsFor) {
  const std::unique_ptr<Change> change = StageWeb();
  change->BeginWriting(retired_);
  change->BeginPublishing();
  const ServiceState& taker = published().StateOf({"default", "taker"});
  change->FailForTaker(taker, absl::UnavailableError("scripted"));
  const ServiceState& other = published().StateOf({"default", "other"});
  change->FailForTaker(other, absl::UnavailableError("another"));
  EXPECT_EQ(change->waits_for(), (std::vector{&taker, &other}));
  EXPECT_EQ(change->status(), absl::UnavailableError("scripted"));
}

TEST_F(ChangeTest, AGiverKeepsItsOwnFailure) {
  const std::unique_ptr<Change> change = StageWeb();
  change->BeginWriting(retired_);
  change->BeginPublishing();
  change->Fail(absl::DataLossError("its own"));
  const ServiceState& taker = published().StateOf({"default", "taker"});
  change->FailForTaker(taker, absl::UnavailableError("the taker's"));
  EXPECT_EQ(change->status(), absl::DataLossError("its own"));
  EXPECT_EQ(change->waits_for(), std::vector{&taker});
}

TEST_F(ChangeTest, IsEmptyOnlyIfThePlanIsWhatIsPublished) {
  EXPECT_FALSE(StageWeb()->IsEmpty()) << "a new Service";
  MustPublish({MakePlan("web", "10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080))});
  EXPECT_TRUE(StageWeb({"10.244.0.1"})->IsEmpty());
  EXPECT_FALSE(StageWeb({"10.244.0.2"})->IsEmpty()) << "another endpoint";
  EXPECT_FALSE(Stage({MakePlan("web", {})})[0]->IsEmpty()) << "a removal";
}

}  // namespace
}  // namespace shunt::datapath
