// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/source_lists.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/table_fixture.h"

namespace shunt::datapath {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

using Ranges = std::vector<model::IpPrefix>;
using Lists = std::map<uint32_t, std::string>;

Ranges RangesOf(std::initializer_list<const char*> texts) {
  Ranges ranges;
  for (const char* text : texts) ranges.push_back(*model::IpPrefix::Parse(text));
  std::sort(ranges.begin(), ranges.end());
  return ranges;
}

// What the map has under each id: "10.0.0.0/8 192.0.2.0/24".
Lists ListsOf(const Tables& tables) {
  std::map<uint32_t, Ranges> found;
  EXPECT_TRUE(tables.source_ranges
                  ->ForEach([&](Bytes key_bytes, Bytes) {
                    const auto key = FromBytes<shunt_source_key>(key_bytes);
                    found[key.list].push_back(DecodeSource(key).value_or(model::IpPrefix(model::IpAddress(), 0)));
                  })
                  .ok());
  Lists lists;
  for (auto& [id, ranges] : found) {
    std::sort(ranges.begin(), ranges.end());
    const auto name = [](std::string* out, const model::IpPrefix& range) { out->append(range.ToString()); };
    lists[id] = absl::StrJoin(ranges, " ", name);
  }
  return lists;
}

class SourceListsTest : public testing::Test {
 protected:
  SourceListsTest() { maps_.rows("source_ranges")->capacity = kInsideMax + 4; }

  MemoryMaps maps_{{.frontends = 4, .service_ports = 1, .pools = 1, .slots = 1, .backends = 3, .sockets = 64}};
  Tables tables_ = maps_.Open();
  SourceLists lists_{*tables_.source_ranges};
};

TEST_F(SourceListsTest, OneIdForAListHoweverManyHaveIt) {
  const Ranges ranges = RangesOf({"10.0.0.0/8", "192.0.2.0/24"});
  const auto id = lists_.Acquire(ranges);
  EXPECT_EQ(id, SHUNT_LIST_FIRST);
  EXPECT_EQ(lists_.Acquire(ranges), id);
  EXPECT_NE(lists_.Acquire(RangesOf({"10.0.0.0/8"})), id);
  EXPECT_NE(lists_.Acquire(RangesOf({"10.0.0.0/9"})), id) << "another length";
  EXPECT_EQ(lists_.available(), 0u);
  EXPECT_EQ(lists_.Acquire(RangesOf({"198.51.100.0/24"})), std::nullopt) << "there are four rows for lists";
  EXPECT_EQ(lists_.Acquire(ranges), id) << "a list that has an id keeps it";
  EXPECT_NE(lists_.Acquire({}), std::nullopt) << "a list without ranges takes no row";
}

TEST_F(SourceListsTest, AListIsWrittenOnceAndRemovedWithItsLastReference) {
  const Ranges ranges = RangesOf({"10.0.0.0/8", "2001:db8::/32"});
  const uint32_t id = *lists_.Acquire(ranges);
  lists_.Acquire(ranges);
  EXPECT_FALSE(lists_.Is(id, ranges)) << "not written yet";
  int writes = 0;
  maps_.hooks().after = [&](absl::string_view) { ++writes; };
  ASSERT_TRUE(lists_.Write(id).ok());
  ASSERT_TRUE(lists_.Write(id).ok());
  EXPECT_EQ(writes, 2);
  EXPECT_TRUE(lists_.Is(id, ranges));
  EXPECT_FALSE(lists_.Is(id, RangesOf({"10.0.0.0/8"})));
  EXPECT_TRUE(lists_.Agrees());
  ASSERT_TRUE(lists_.Release(id).ok());
  EXPECT_THAT(ListsOf(tables_), ElementsAre(Pair(id, "10.0.0.0/8 2001:db8::/32")));
  ASSERT_TRUE(lists_.Release(id).ok());
  EXPECT_THAT(ListsOf(tables_), IsEmpty());
  EXPECT_EQ(lists_.taken(), 0u);
  EXPECT_NE(lists_.Acquire(ranges), id) << "an id comes round after all others";
}

TEST_F(SourceListsTest, WhatAFailedWriteLeavesGoesWithTheList) {
  const uint32_t id = *lists_.Acquire(RangesOf({"10.0.0.0/8", "192.0.2.0/24"}));
  int writes = 0;
  maps_.hooks().before = [&](absl::string_view) {
    return ++writes == 2 ? absl::UnavailableError("scripted") : absl::OkStatus();
  };
  EXPECT_FALSE(lists_.Write(id).ok());
  EXPECT_FALSE(lists_.Is(id, RangesOf({"10.0.0.0/8", "192.0.2.0/24"})));
  EXPECT_TRUE(lists_.Agrees()) << "no row names it";
  ASSERT_TRUE(lists_.Release(id).ok());
  EXPECT_THAT(ListsOf(tables_), IsEmpty());
}

TEST_F(SourceListsTest, AListThatReturnsWhileItIsRemovedIsWrittenWholeAgain) {
  const Ranges ranges = RangesOf({"10.0.0.0/8", "192.0.2.0/24"});
  const uint32_t id = *lists_.Acquire(ranges);
  ASSERT_TRUE(lists_.Write(id).ok());
  int writes = 0;
  maps_.hooks().before = [&](absl::string_view) {
    return ++writes == 2 ? absl::UnavailableError("scripted") : absl::OkStatus();
  };
  EXPECT_FALSE(lists_.Release(id).ok());
  EXPECT_EQ(lists_.Acquire(ranges), id) << "the reference has stayed";
  EXPECT_FALSE(lists_.Is(id, ranges));
  ASSERT_TRUE(lists_.Write(id).ok());
  ASSERT_TRUE(lists_.Release(id).ok());
  EXPECT_THAT(ListsOf(tables_), ElementsAre(Pair(id, "10.0.0.0/8 192.0.2.0/24")));
}

// Of plans: which lists the rows name, and when.
class SourceRangesTest : public TableFixture {
 protected:
  static model::ServicePlan Plan(const char* name, const char* address, const Ranges& ranges) {
    model::PortPlan port =
        MakePort(absl::StrCat("10.96.", address + sizeof("192.0.") - 1), 80, MakePool({"10.244.0.1"}, 8080));
    port.frontends.push_back(MakeFrontend(model::FrontendKind::kLoadBalancer, address, 80));
    port.frontends.back().source_ranges = ranges;
    port.frontends.back().admits_no_client = ranges.empty();
    return MakePlan(name, {port});
  }
  uint32_t ListOf(const char* address) const {
    const SimulatedReader reader(tables_);
    return reader.Row(reader.FindRow(EncodeFrontend(Dial(address, 80))).value()).source_ranges;
  }
  void Put(const shunt_source_key& key) {
    ASSERT_TRUE(tables_.source_ranges->Put(BytesOf(key), BytesOf(uint32_t{0})).ok());
  }
  Inspected Inspect(const std::vector<model::ServicePlan>& plans) {
    Inspected found = Inspected::kMore;
    while (found == Inspected::kMore) {
      found = datapath_->Inspect(100, [&](const model::ObjectName& name) -> std::optional<const model::ServicePlan*> {
        for (const model::ServicePlan& plan : plans) {
          if (plan.service == name) return &plan;
        }
        return nullptr;
      });
    }
    return found;
  }

  const Ranges office_ = RangesOf({"198.51.100.0/24", "203.0.113.7/32"});
  const Ranges home_ = RangesOf({"198.51.100.0/25"});
};

TEST_F(SourceRangesTest, AListIsInTheMapBeforeARowNamesIt) {
  Record();
  MustApply({Plan("web", "192.0.2.1", office_)});
  const auto row = std::find(written_.rbegin(), written_.rend(), "source_ranges");
  ASSERT_NE(row, written_.rend());
  EXPECT_EQ(std::count(written_.begin(), written_.end(), "source_ranges"), 2);
  EXPECT_GE(std::count(written_.rbegin(), row, "frontend_rows"), 1) << "its row";
  EXPECT_EQ(std::count(row, written_.rend(), "frontend_index"), 0);
  EXPECT_THAT(ListsOf(tables_), ElementsAre(Pair(ListOf("192.0.2.1"), "198.51.100.0/24 203.0.113.7/32")));
  EXPECT_EQ(ListOf("10.96.2.1"), 0u) << "everybody";
}

TEST_F(SourceRangesTest, AChangedListIsAnotherIdAndTheOldOneGoesAfterAGracePeriod) {
  MustApply({Plan("web", "192.0.2.1", office_), Plan("api", "192.0.2.2", office_)});
  const uint32_t office = ListOf("192.0.2.1");
  EXPECT_EQ(ListOf("192.0.2.2"), office) << "equal lists share an id";
  MustApply({Plan("web", "192.0.2.1", home_)});
  const uint32_t home = ListOf("192.0.2.1");
  EXPECT_NE(home, office);
  PassGrace();
  EXPECT_THAT(ListsOf(tables_),
              ElementsAre(Pair(office, "198.51.100.0/24 203.0.113.7/32"), Pair(home, "198.51.100.0/25")))
      << "the other Service has it";
  MustApply({MakePlan("api", {})});
  EXPECT_EQ(ListsOf(tables_).size(), 2u) << "a program may still be reading the row";
  PassGrace();
  EXPECT_THAT(ListsOf(tables_), ElementsAre(Pair(home, "198.51.100.0/25")));
}

TEST_F(SourceRangesTest, AFrontendThatAdmitsNoClientNamesAListWithoutRanges) {
  MustApply({Plan("web", "192.0.2.1", {}), Plan("api", "192.0.2.2", {})});
  EXPECT_GE(ListOf("192.0.2.1"), uint32_t{SHUNT_LIST_FIRST});
  EXPECT_EQ(ListOf("192.0.2.2"), ListOf("192.0.2.1"));
  EXPECT_THAT(ListsOf(tables_), IsEmpty());
  EXPECT_EQ(Read("192.0.2.1", 80).flags, SHUNT_ROW_SOURCE_RANGES);
  Restart();
  Record();
  MustApply({Plan("web", "192.0.2.1", {}), Plan("api", "192.0.2.2", {})}, ApplyScope::kAll);
  EXPECT_THAT(written_, IsEmpty());
}

TEST_F(SourceRangesTest, ARestartKeepsListsThatRowsNameAndRemovesTheRest) {
  const std::vector<model::ServicePlan> plans = {Plan("web", "192.0.2.1", office_), Plan("api", "192.0.2.2", home_)};
  MustApply(plans);
  const Lists before = ListsOf(tables_);
  Put(EncodeSource(77, office_[0]));
  Put({.prefix_length = 8, .list = 0, .address = {}});  // admits every source to lists of any id
  Put({.prefix_length = 32 + 104, .list = 78, .address = EncodeAddress(Ip("10.1.2.3"))});
  Restart();
  MustApply(plans, ApplyScope::kAll);
  PassGrace();
  EXPECT_EQ(ListsOf(tables_), before);
  Record();
  Restart();
  MustApply(plans, ApplyScope::kAll);
  EXPECT_THAT(written_, IsEmpty());
  MustApply({Plan("web", "192.0.2.1", home_)});
  EXPECT_EQ(ListOf("192.0.2.1"), ListOf("192.0.2.2")) << "an adopted list is found by its ranges";
}

TEST_F(SourceRangesTest, AnAuditRepairsAListThatAnotherHandHasChanged) {
  const std::vector<model::ServicePlan> plans = {Plan("web", "192.0.2.1", office_)};
  MustApply(plans);
  ASSERT_EQ(Inspect(plans), Inspected::kAgrees);
  const std::pair<const char*, std::function<void()>> cases[] = {
      {"a range is gone",
       [&] {
         const shunt_source_key key = EncodeSource(ListOf("192.0.2.1"), office_[0]);
         ASSERT_TRUE(tables_.source_ranges->Remove(BytesOf(key)).ok());
       }},
      {"a range too many", [&] { Put(EncodeSource(ListOf("192.0.2.1"), home_[0])); }},
  };
  for (const auto& [what, spoil] : cases) {
    const uint32_t id = ListOf("192.0.2.1");
    spoil();
    EXPECT_EQ(Inspect(plans), Inspected::kDiffers) << what;
    const absl::StatusOr<Drift> drift = Audit(plans);
    ASSERT_TRUE(drift.ok()) << drift.status();
    EXPECT_THAT(drift->services, ElementsAre(plans[0].service)) << what;
    EXPECT_NE(ListOf("192.0.2.1"), id) << what;
    PassGrace();
    EXPECT_EQ(Inspect(plans), Inspected::kAgrees) << what;
    EXPECT_THAT(ListsOf(tables_), ElementsAre(Pair(ListOf("192.0.2.1"), "198.51.100.0/24 203.0.113.7/32"))) << what;
  }
  Put(EncodeSource(77, office_[0]));
  EXPECT_EQ(Inspect(plans), Inspected::kDiffers) << "a list of no frontend";
  EXPECT_EQ(Audit(plans)->shared, 1u);
  PassGrace();
  EXPECT_EQ(Inspect(plans), Inspected::kAgrees);
}

TEST_F(SourceRangesTest, ClientsInsideComeAndGoOneByOneAndSurviveARestart) {
  MustApply({Plan("web", "192.0.2.1", office_)});
  datapath_->SetInside(RangesOf({"10.244.0.0/16", "fd00:244::/48"}));
  datapath_->Reclaim();
  EXPECT_EQ(ListsOf(tables_).at(SHUNT_LIST_INSIDE), "10.244.0.0/16 fd00:244::/48");
  Restart();
  Record();
  datapath_->SetInside(RangesOf({"10.244.0.0/16", "10.245.0.0/16"}));
  MustApply({Plan("web", "192.0.2.1", office_)}, ApplyScope::kAll);
  EXPECT_THAT(written_, ElementsAre("source_ranges", "source_ranges")) << "one comes and one goes";
  EXPECT_EQ(ListsOf(tables_).at(SHUNT_LIST_INSIDE), "10.244.0.0/16 10.245.0.0/16");
  Restart();
  MustApply({Plan("web", "192.0.2.1", office_)}, ApplyScope::kAll);
  EXPECT_FALSE(ListsOf(tables_).contains(SHUNT_LIST_INSIDE)) << "the setting is gone";
}

TEST_F(SourceRangesTest, AnAuditRepairsClientsInside) {
  const std::vector<model::ServicePlan> plans = {Plan("web", "192.0.2.1", office_)};
  datapath_->SetInside(RangesOf({"10.244.0.0/16"}));
  MustApply(plans);
  ASSERT_EQ(Inspect(plans), Inspected::kAgrees);
  const shunt_source_key inside = EncodeSource(SHUNT_LIST_INSIDE, RangesOf({"10.244.0.0/16"})[0]);
  ASSERT_TRUE(tables_.source_ranges->Remove(BytesOf(inside)).ok());
  Put(EncodeSource(SHUNT_LIST_INSIDE, RangesOf({"10.9.0.0/16"})[0]));
  EXPECT_EQ(Inspect(plans), Inspected::kDiffers);
  EXPECT_EQ(Audit(plans)->shared, 2u);
  EXPECT_EQ(Inspect(plans), Inspected::kAgrees);
  EXPECT_EQ(ListsOf(tables_).at(SHUNT_LIST_INSIDE), "10.244.0.0/16");
}

TEST_F(SourceRangesTest, AFullMapRefusesServicesWithNewRangesAndNoOthers) {
  maps_->rows("source_ranges")->capacity = kInsideMax + 3;
  MustApply({Plan("web", "192.0.2.1", office_)});
  const auto failures =
      Apply({Plan("api", "192.0.2.2", RangesOf({"10.0.0.0/8", "10.0.0.0/9"})), Plan("cart", "192.0.2.3", office_),
             MakePlan("dns", "10.96.0.10", 53, MakePool({}, 53))});
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].service.name, "api");
  EXPECT_EQ(failures[0].status.code(), absl::StatusCode::kResourceExhausted);
  const std::string message(failures[0].status.message());
  EXPECT_THAT(message, HasSubstr("map source_ranges needs 2 more rows, 1 of 3 are free"));
  EXPECT_THAT(message, HasSubstr("remove source ranges"));
  EXPECT_THAT(message, Not(HasSubstr("raise the limit"))) << "there is none";
  EXPECT_EQ(ListOf("192.0.2.3"), ListOf("192.0.2.1"));
  EXPECT_EQ(Read("10.96.0.10", 53).outcome, Outcome::kFound);
  EXPECT_EQ(Read("10.96.2.2", 80).outcome, Outcome::kNotAService) << "it is refused whole";
  MustApply({MakePlan("web", {}), MakePlan("cart", {})});
  PassGrace();
  MustApply({Plan("api", "192.0.2.2", RangesOf({"10.0.0.0/8", "10.0.0.0/9"}))});
  EXPECT_EQ(ListsOf(tables_).size(), 1u) << "a refused plan has left nothing behind";
}

}  // namespace
}  // namespace shunt::datapath
