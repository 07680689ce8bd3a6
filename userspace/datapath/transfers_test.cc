// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/transfers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/plans.h"

namespace shunt::datapath {
namespace {

using testing::HasSubstr;

const shunt_frontend_key kKey = EncodeFrontend(Dial("10.96.0.10", 80));

ServiceState State(const char* name, std::vector<shunt_frontend_key> frontends = {}) {
  ServiceState state;
  state.name = {"default", name};
  state.frontends = std::move(frontends);
  return state;
}

model::ServicePlan Plan(const char* name) {
  return MakePlan(name, "10.96.0.10", 80, MakePool({"10.244.0.1"}, 8080));
}

class TransfersTest : public testing::Test {
 protected:
  ServiceState old_ = State("old", {kKey});
  ServiceState new_ = State("new");
  ServiceState third_ = State("third");
  const model::ServicePlan old_plan_ = Plan("old");
  model::ServicePlan new_plan_ = Plan("new");
  const model::ServicePlan third_plan_ = Plan("third");
};

TEST_F(TransfersTest, AKeyThatOneServiceGivesUpAndAnotherPlansGoesOver) {
  const std::vector<Request> requests = {{.plan = nullptr, .state = &old_}, {.plan = &new_plan_, .state = &new_}};
  const Transfers transfers(requests);
  const Transfers::Transfer* const transfer = transfers.Find(kKey);
  ASSERT_NE(transfer, nullptr);
  EXPECT_EQ(transfer->giver, &old_);
  EXPECT_EQ(transfer->taker, &new_);
  EXPECT_EQ(transfers.Find(EncodeFrontend(Dial("10.96.0.10", 81))), nullptr);
}

TEST_F(TransfersTest, AKeyThatItsServiceStillPlansStays) {
  const std::vector<Request> requests = {{.plan = &old_plan_, .state = &old_}, {.plan = &new_plan_, .state = &new_}};
  EXPECT_TRUE(Transfers(requests).empty());
}

TEST_F(TransfersTest, AKeyThatNoServicePlansLeavesTheIndex) {
  const std::vector<Request> requests = {{.plan = nullptr, .state = &old_}};
  EXPECT_TRUE(Transfers(requests).empty());
}

TEST_F(TransfersTest, AFrontendInConflictIsNotPlanned) {
  new_plan_.ports[0].frontends[0].conflict_with = {"default", "winner"};
  const std::vector<Request> requests = {{.plan = nullptr, .state = &old_}, {.plan = &new_plan_, .state = &new_}};
  EXPECT_TRUE(Transfers(requests).empty());
}

TEST_F(TransfersTest, TheFirstOfSeveralTakersCounts) {
  const std::vector<Request> requests = {{.plan = &third_plan_, .state = &third_},
                                         {.plan = nullptr, .state = &old_},
                                         {.plan = &new_plan_, .state = &new_}};
  EXPECT_EQ(Transfers(requests).Find(kKey)->taker, &third_);
}

class FailTakersTest : public testing::Test {
 protected:
  Change& Add(ServiceState& state, std::vector<const ServiceState*> takes_from = {}) {
    changes_.push_back(std::make_unique<Change>(Request{.plan = nullptr, .state = &state}));
    changes_.back()->takes_from() = std::move(takes_from);
    return *changes_.back();
  }

  ServiceState a_ = State("a");
  ServiceState b_ = State("b");
  ServiceState c_ = State("c");
  Changes changes_;
};

TEST_F(FailTakersTest, FailsAlongAChainOfGivers) {
  const Change& last = Add(c_, {&b_});
  const Change& middle = Add(b_, {&a_});
  Add(a_).Fail(absl::ResourceExhaustedError("does not fit"));
  FailTakers(changes_);
  EXPECT_EQ(middle.status(), absl::FailedPreconditionError("apply Service default/b: takes a frontend of Service "
                                                           "default/a, which could not be applied"));
  EXPECT_EQ(last.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(last.status().message()), HasSubstr("takes a frontend of Service default/b"));
}

TEST_F(FailTakersTest, FailsTheTakerOfAServiceThatHasNoChange) {
  const Change& taker = Add(b_, {&a_});
  FailTakers(changes_);
  EXPECT_EQ(taker.status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(FailTakersTest, LeavesAloneWhoTakesNothingAndWhoseGiversAreFine) {
  const Change& giver = Add(a_);
  const Change& taker = Add(b_, {&a_});
  Add(c_).Fail(absl::ResourceExhaustedError("does not fit"));
  FailTakers(changes_);
  EXPECT_TRUE(giver.ok());
  EXPECT_TRUE(taker.ok());
}

TEST_F(FailTakersTest, OneGiverOfSeveralIsEnough) {
  Add(a_);
  Add(b_).Fail(absl::ResourceExhaustedError("does not fit"));
  const Change& taker = Add(c_, {&a_, &b_});
  FailTakers(changes_);
  EXPECT_THAT(std::string(taker.status().message()), HasSubstr("takes a frontend of Service default/b"));
}

}  // namespace
}  // namespace shunt::datapath
