// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/quarantine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "userspace/datapath/testing/manual_grace.h"

namespace shunt::datapath {
namespace {

using testing::ElementsAre;

constexpr size_t kAll = 1000;

std::vector<Retired> Rows(std::initializer_list<uint32_t> ids) {
  std::vector<Retired> rows;
  for (const uint32_t id : ids) {
    rows.push_back({.kind = Retired::Kind::kFrontendRow, .id = id, .run = {}, .members = {}});
  }
  return rows;
}

class QuarantineTest : public testing::Test {
 protected:
  void Add(std::vector<Retired> things) { quarantine_.Add(things); }
  size_t Reclaim(size_t limit = kAll) {
    return quarantine_.Reclaim(limit, [this](Retired& thing) {
      if (thing.id == failing_) return absl::UnavailableError("not now");
      taken_.push_back(thing.id);
      return absl::OkStatus();
    });
  }

  ManualGrace grace_;
  Quarantine quarantine_{grace_};
  std::vector<uint32_t> taken_;
  uint32_t failing_ = ~uint32_t{0};
};

TEST_F(QuarantineTest, ThingsComeOutInOrderAfterTheirGracePeriod) {
  Add(Rows({1, 2}));
  EXPECT_EQ(Reclaim(), 0u);
  grace_.Pass();
  Add(Rows({3}));
  EXPECT_EQ(Reclaim(), 2u);
  EXPECT_THAT(taken_, ElementsAre(1, 2));
  grace_.Pass();
  EXPECT_EQ(Reclaim(), 1u);
  EXPECT_THAT(taken_, ElementsAre(1, 2, 3));
  EXPECT_TRUE(quarantine_.empty());
}

TEST_F(QuarantineTest, OneGracePeriodForManyThingsAndNoneForNothing) {
  Add(Rows({1, 2, 3}));
  EXPECT_EQ(grace_.asked(), 1u);
  Add({});
  EXPECT_EQ(grace_.asked(), 1u);
}

TEST_F(QuarantineTest, TheLimitIsKept) {
  Add(Rows({1, 2, 3}));
  grace_.Pass();
  EXPECT_EQ(Reclaim(2), 2u);
  EXPECT_EQ(quarantine_.size(), 1u);
}

TEST_F(QuarantineTest, AnErrorStopsAndTheThingIsTriedAgain) {
  Add(Rows({1, 2, 3}));
  grace_.Pass();
  failing_ = 2;
  EXPECT_EQ(Reclaim(), 1u);
  EXPECT_EQ(Reclaim(), 0u);
  failing_ = 0;
  EXPECT_EQ(Reclaim(), 2u);
  EXPECT_THAT(taken_, ElementsAre(1, 2, 3));
}

TEST_F(QuarantineTest, LeftoversNeedNotWait) {
  std::vector<Retired> things = Rows({7});
  quarantine_.AddPassed(things);
  EXPECT_TRUE(things.empty());
  EXPECT_TRUE(quarantine_.Wait().ok());
  EXPECT_EQ(grace_.waits(), 0);
  EXPECT_EQ(Reclaim(), 1u);
}

TEST_F(QuarantineTest, WaitingLetsEverythingPass) {
  Add(Rows({1}));
  Add(Rows({2}));
  EXPECT_TRUE(quarantine_.Wait().ok());
  EXPECT_EQ(Reclaim(), 2u);
}

TEST_F(QuarantineTest, WithoutGracePeriodsNothingIsEverReused) {
  grace_.set_available(false);
  Add(Rows({1}));
  EXPECT_EQ(quarantine_.Wait().code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(Reclaim(), 0u);
  // One that comes later is good for the earlier things.
  grace_.set_available(true);
  EXPECT_TRUE(quarantine_.Wait().ok());
  EXPECT_EQ(Reclaim(), 1u);
}

}  // namespace
}  // namespace shunt::datapath
