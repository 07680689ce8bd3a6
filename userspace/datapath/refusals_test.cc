// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/refusals.h"

#include <gtest/gtest.h>

#include <vector>

#include "userspace/datapath/testing/manual_grace.h"

namespace shunt::datapath {
namespace {

const model::ObjectName kWeb = {"shop", "web"};
const model::ObjectName kApi = {"shop", "api"};

class RefusalsTest : public testing::Test {
 protected:
  void Retire() {
    std::vector<Retired> retired;
    retired.emplace_back(FrontendRow{1});
    quarantine_.Add(retired);
  }
  // A grace period passes, what waits becomes free, and something else is retired.
  void NextRound() {
    grace_.Pass();
    quarantine_.Reclaim(1000, [](Retired&) { return absl::OkStatus(); });
    Retire();
  }
  void Applied(const model::ObjectName& service) {
    const model::ServicePlan plan{.service = service};
    refusals_.Settle({&plan}, {});
  }
  bool TryAgain(const model::ObjectName& service) { return refusals_.TryAgain(service, quarantine_); }

  ManualGrace grace_;
  Quarantine quarantine_{grace_};
  Refusals refusals_;
};

TEST_F(RefusalsTest, IfNothingIsToBecomeFreeItIsInVain) {
  EXPECT_FALSE(TryAgain(kWeb));
  Retire();
  EXPECT_TRUE(TryAgain(kWeb));
}

TEST_F(RefusalsTest, OnlyTriesAfterRowsHaveBecomeFreeCount) {
  Retire();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(TryAgain(kWeb));
  for (int i = 1; i < Refusals::kIdleTriesMax; ++i) {
    NextRound();
    EXPECT_TRUE(TryAgain(kWeb)) << i;
  }
  NextRound();
  EXPECT_FALSE(TryAgain(kWeb));
  EXPECT_EQ(refusals_.size(), 0u);
  EXPECT_TRUE(TryAgain(kWeb)) << "a later change begins afresh";
}

TEST_F(RefusalsTest, ItGoesOnWhileOthersThatWereRefusedAreApplied) {
  Retire();
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(TryAgain(kWeb));
    EXPECT_TRUE(TryAgain(kApi));
    Applied(kApi);
    NextRound();
  }
  for (int i = 0; i < 100; ++i) Applied({"shop", "one that always fitted"});
  int tries = 0;
  for (; TryAgain(kWeb); ++tries) NextRound();
  EXPECT_EQ(tries, Refusals::kIdleTriesMax);
}

TEST_F(RefusalsTest, AServiceThatFailsOtherwiseIsNotApplied) {
  Retire();
  EXPECT_TRUE(TryAgain(kWeb));
  const model::ServicePlan plan{.service = kWeb};
  const ServiceFailure failure{.service = kWeb, .status = absl::UnavailableError("busy")};
  refusals_.Settle({&plan}, {failure});
  EXPECT_EQ(refusals_.size(), 1u);
  refusals_.Settle({&plan}, {});
  EXPECT_EQ(refusals_.size(), 0u);
}

TEST_F(RefusalsTest, WithoutGracePeriodsItIsInVain) {
  grace_.set_available(false);
  Retire();
  EXPECT_FALSE(TryAgain(kWeb));
  EXPECT_EQ(grace_.asked(), 2u) << "another one, which may pass";
  grace_.set_available(true);
  EXPECT_TRUE(TryAgain(kWeb));
}

}  // namespace
}  // namespace shunt::datapath
