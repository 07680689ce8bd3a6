// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/scope_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "userspace/datapath/codec.h"
#include "userspace/datapath/tables.h"
#include "userspace/datapath/testing/memory_table.h"

namespace shunt::datapath {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class ScopeRowsTest : public ::testing::Test {
 protected:
  ScopeRowsTest() : maps_(Limits{}, 1), tables_(maps_.Open()), rows_(*tables_.scopes, *tables_.scope_filter) {}

  shunt_scope_filter Filter() {
    shunt_scope_filter filter = {};
    EXPECT_TRUE(tables_.scope_filter->Load(0, MutableBytesOf(filter)).ok());
    return filter;
  }
  size_t RowsInMap() { return maps_.rows("scopes")->hash.size(); }
  // Whether a program would look the id up.
  bool MayHave(uint64_t id) { return (Filter().bits[shunt_scope_bit(id) / 64] >> (shunt_scope_bit(id) % 64) & 1) != 0; }

  // Two ids with one bit.
  static constexpr uint64_t kId = 4711;
  static uint64_t SameBit() {
    uint64_t id = kId + 1;
    while (shunt_scope_bit(id) != shunt_scope_bit(kId)) ++id;
    return id;
  }

  MemoryMaps maps_;
  Tables tables_;
  ScopeRows rows_;
};

TEST_F(ScopeRowsTest, ARowIsThereWithItsBitAndItsNumber) {
  ASSERT_TRUE(rows_.Add({SHUNT_SCOPE_CGROUP, kId}, SHUNT_SCOPE_CONFIGURED, "/a").ok());
  ASSERT_TRUE(rows_.Add({SHUNT_SCOPE_NETNS, 9}, SHUNT_SCOPE_ADDED, "/run/netns/b").ok());
  EXPECT_EQ(RowsInMap(), 2u);
  EXPECT_TRUE(MayHave(kId));
  EXPECT_TRUE(MayHave(9));
  EXPECT_EQ(Filter().cgroups, 1u);
  EXPECT_EQ(Filter().namespaces, 1u);
}

TEST_F(ScopeRowsTest, ABitStaysWhileAnotherRowNeedsIt) {
  ASSERT_TRUE(rows_.Add({SHUNT_SCOPE_CGROUP, kId}, SHUNT_SCOPE_ADDED, "/a").ok());
  ASSERT_TRUE(rows_.Add({SHUNT_SCOPE_CGROUP, SameBit()}, SHUNT_SCOPE_ADDED, "/b").ok());
  ASSERT_TRUE(rows_.Drop({SHUNT_SCOPE_CGROUP, kId}, SHUNT_SCOPE_ADDED).ok());
  EXPECT_TRUE(MayHave(SameBit()));
  ASSERT_TRUE(rows_.Drop({SHUNT_SCOPE_CGROUP, SameBit()}, SHUNT_SCOPE_ADDED).ok());
  EXPECT_FALSE(MayHave(kId));
  EXPECT_EQ(Filter().cgroups, 0u);
  EXPECT_EQ(RowsInMap(), 0u);
}

TEST_F(ScopeRowsTest, ARowGoesWithItsLastOrigin) {
  const ScopeKey key = {SHUNT_SCOPE_CGROUP, kId};
  ASSERT_TRUE(rows_.Add(key, SHUNT_SCOPE_CONFIGURED, "/a").ok());
  ASSERT_TRUE(rows_.Add(key, SHUNT_SCOPE_ADDED, "/a").ok());
  ASSERT_TRUE(rows_.Drop(key, SHUNT_SCOPE_CONFIGURED).ok());
  EXPECT_EQ(rows_.rows().at(key).origins, uint32_t{SHUNT_SCOPE_ADDED});
  EXPECT_EQ(RowsInMap(), 1u);
  ASSERT_TRUE(rows_.Drop(key, SHUNT_SCOPE_ADDED).ok());
  EXPECT_EQ(RowsInMap(), 0u);
}

TEST_F(ScopeRowsTest, RowsForReadersAreNotCounted) {
  ASSERT_TRUE(rows_.Add({SHUNT_SCOPE_PODS, 0}, SHUNT_SCOPE_CONFIGURED, "").ok());
  EXPECT_EQ(RowsInMap(), 1u);
  EXPECT_EQ(Filter().cgroups + Filter().namespaces, 0u);
  EXPECT_FALSE(MayHave(0));
}

TEST_F(ScopeRowsTest, TheNextAgentHasTheRowsAndDropsWhatIsNone) {
  ASSERT_TRUE(rows_.Add({SHUNT_SCOPE_CGROUP, kId}, SHUNT_SCOPE_ADDED, "/a").ok());
  const shunt_scope_key odd = {.id = 1, .kind = 99, .pad = 0};
  maps_.PutRow("scopes", BytesOf(odd), BytesOf(shunt_scope{.origins = SHUNT_SCOPE_ADDED, .pad = 0, .name = {}}));
  ScopeRows next(*tables_.scopes, *tables_.scope_filter);
  ASSERT_TRUE(next.Adopt().ok());
  ASSERT_THAT(next.rows(), SizeIs(1));
  EXPECT_EQ(next.rows().at({SHUNT_SCOPE_CGROUP, kId}).name, "/a");
  EXPECT_EQ(RowsInMap(), 1u);
}

TEST_F(ScopeRowsTest, WhatAnotherProcessHasChangedIsPutRight) {
  ASSERT_TRUE(rows_.Add({SHUNT_SCOPE_CGROUP, kId}, SHUNT_SCOPE_ADDED, "/a").ok());
  maps_.rows("scopes")->hash.clear();
  const shunt_scope_key foreign = {.id = 5, .kind = SHUNT_SCOPE_CGROUP, .pad = 0};
  maps_.PutRow("scopes", BytesOf(foreign), BytesOf(shunt_scope{.origins = SHUNT_SCOPE_ADDED, .pad = 0, .name = {}}));
  ASSERT_TRUE(tables_.scope_filter->Store(0, BytesOf(shunt_scope_filter{})).ok());
  ASSERT_TRUE(rows_.Restore().ok());
  EXPECT_EQ(RowsInMap(), 1u);
  EXPECT_TRUE(MayHave(kId));
  EXPECT_EQ(Filter().cgroups, 1u);
}

TEST_F(ScopeRowsTest, ANameThatIsTooLongAndAFullMapAreErrors) {
  EXPECT_EQ(rows_.Add({SHUNT_SCOPE_CGROUP, 1}, SHUNT_SCOPE_ADDED, std::string(kScopeNameMax + 1, 'a')).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(rows_.rows(), IsEmpty());
  EXPECT_TRUE(rows_.Add({SHUNT_SCOPE_CGROUP, 1}, SHUNT_SCOPE_ADDED, std::string(kScopeNameMax, 'a')).ok());
  for (uint64_t id = 2; id <= SHUNT_SCOPES_MAX; ++id) {
    ASSERT_TRUE(rows_.Add({SHUNT_SCOPE_CGROUP, id}, SHUNT_SCOPE_ADDED, "/b").ok());
  }
  EXPECT_EQ(rows_.Add({SHUNT_SCOPE_NETNS, 1}, SHUNT_SCOPE_ADDED, "/c").code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace shunt::datapath
