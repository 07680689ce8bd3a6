// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/quarantine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <variant>
#include <vector>

#include "userspace/datapath/testing/manual_grace.h"

namespace shunt::datapath {
namespace {

using testing::ElementsAre;

constexpr size_t kAll = 1000;

std::vector<Retired> Rows(std::initializer_list<uint32_t> ids) {
  std::vector<Retired> rows;
  for (const uint32_t id : ids) {
    rows.emplace_back(FrontendRow{id});
  }
  return rows;
}

class QuarantineTest : public testing::Test {
 protected:
  void Add(std::vector<Retired> retired) { quarantine_.Add(retired); }
  size_t Reclaim(size_t limit = kAll) {
    return quarantine_.Reclaim(limit, [this](Retired& retired) {
      const uint32_t id = std::get<FrontendRow>(retired).id;
      if (id == failing_) return absl::UnavailableError("not now");
      taken_.push_back(id);
      return absl::OkStatus();
    });
  }

  ManualGrace grace_;
  Quarantine quarantine_{grace_};
  std::vector<uint32_t> taken_;
  uint32_t failing_ = ~uint32_t{0};
};

TEST_F(QuarantineTest, ResourcesComeOutInOrderAfterTheirGracePeriod) {
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

TEST_F(QuarantineTest, OneGracePeriodForManyResourcesAndNoneForNothing) {
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

TEST_F(QuarantineTest, ASetCountsWithAllItsMembers) {
  std::vector<Retired> retired;
  for (int i = 0; i < 3; ++i) retired.emplace_back(BackendSet{.run = {0, 4}, .members = {1, 2, 3, 4}});
  quarantine_.Add(retired);
  grace_.Pass();
  const auto take_back = [](Retired&) { return absl::OkStatus(); };
  EXPECT_EQ(quarantine_.Reclaim(1, take_back), 1u) << "never less than one, or nothing would become free";
  EXPECT_EQ(quarantine_.Reclaim(5, take_back), 2u);
}

TEST_F(QuarantineTest, KnowsWhatHasBecomeFreeAndWhetherAnythingWill) {
  EXPECT_FALSE(quarantine_.MayFree());
  Add(Rows({1}));
  const GracePeriod::Ticket mark = quarantine_.Mark();
  Add(Rows({2}));
  EXPECT_TRUE(quarantine_.MayFree());
  EXPECT_FALSE(quarantine_.HasFreed(mark));
  grace_.Pass();
  EXPECT_EQ(Reclaim(1), 1u);
  EXPECT_TRUE(quarantine_.HasFreed(mark));
  EXPECT_FALSE(quarantine_.HasFreed(quarantine_.Mark()));
  EXPECT_TRUE(quarantine_.MayFree());
  Reclaim();
  EXPECT_TRUE(quarantine_.HasFreed(quarantine_.Mark()));
  EXPECT_EQ(grace_.waits(), 0);
}

TEST_F(QuarantineTest, AnErrorStopsAndTheResourceIsTriedAgain) {
  Add(Rows({1, 2, 3}));
  grace_.Pass();
  failing_ = 2;
  EXPECT_EQ(Reclaim(), 1u);
  EXPECT_TRUE(quarantine_.stopped_at_error());
  EXPECT_EQ(Reclaim(), 0u);
  EXPECT_TRUE(quarantine_.stopped_at_error());
  failing_ = 0;
  EXPECT_EQ(Reclaim(), 2u);
  EXPECT_FALSE(quarantine_.stopped_at_error());
  EXPECT_THAT(taken_, ElementsAre(1, 2, 3));
}

TEST_F(QuarantineTest, LeftoversNeedNotWait) {
  std::vector<Retired> retired = Rows({7});
  quarantine_.AddPassed(retired);
  EXPECT_TRUE(retired.empty());
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
  // One that comes later is good for the earlier resources.
  grace_.set_available(true);
  EXPECT_TRUE(quarantine_.Wait().ok());
  EXPECT_EQ(Reclaim(), 1u);
}

}  // namespace
}  // namespace shunt::datapath
