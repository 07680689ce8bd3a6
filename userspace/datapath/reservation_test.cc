// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/reservation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <variant>
#include <vector>

namespace shunt::datapath {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Owner {
  void GiveBack(const FrontendRow& row) { returned.push_back(row.id); }
  std::vector<uint32_t> returned;
};
using ReservedRow = Reserved<Owner, FrontendRow>;

TEST(ReservationTest, GivesItsResourceBackOnceWhenItIsDestroyed) {
  Owner owner;
  {
    const ReservedRow row(owner, FrontendRow{7});
    EXPECT_EQ(row->id, 7u);
    EXPECT_THAT(owner.returned, IsEmpty());
  }
  EXPECT_THAT(owner.returned, ElementsAre(7));
}

TEST(ReservationTest, WhatIsKeptIsTheCallers) {
  Owner owner;
  {
    ReservedRow row(owner, FrontendRow{7});
    EXPECT_EQ(row.Keep().id, 7u);
    EXPECT_FALSE(row.held());
  }
  EXPECT_THAT(owner.returned, IsEmpty());
}

TEST(ReservationTest, WhatIsRetiredGoesToTheListOnce) {
  Owner owner;
  std::vector<Retired> retired;
  {
    ReservedRow row(owner, FrontendRow{7});
    row.Retire(retired);
    row.Retire(retired);
  }
  EXPECT_THAT(owner.returned, IsEmpty());
  ASSERT_EQ(retired.size(), 1u);
  EXPECT_EQ(std::get<FrontendRow>(retired[0]).id, 7u);
}

TEST(ReservationTest, AMoveLeavesNothingBehind) {
  Owner owner;
  ReservedRow row(owner, FrontendRow{7});
  {
    const ReservedRow other(std::move(row));
    EXPECT_EQ(other->id, 7u);
    EXPECT_FALSE(row.held());
  }
  EXPECT_THAT(owner.returned, ElementsAre(7));
  row.GiveBack();
  EXPECT_THAT(owner.returned, ElementsAre(7));
}

TEST(ReservationTest, AnAssignmentGivesBackWhatWasHeldBefore) {
  Owner owner;
  ReservedRow row(owner, FrontendRow{7});
  row = ReservedRow(owner, FrontendRow{8});
  EXPECT_THAT(owner.returned, ElementsAre(7));
  EXPECT_EQ(row->id, 8u);
}

}  // namespace
}  // namespace shunt::datapath
