// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/backend_registry.h"

#include <gtest/gtest.h>

#include <optional>

#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/memory_table.h"
#include "userspace/datapath/testing/plans.h"

namespace shunt::datapath {
namespace {

class BackendRegistryTest : public testing::Test {
 protected:
  shunt_backend Row(uint32_t id) const {
    shunt_backend row = {};
    EXPECT_TRUE(tables_.backends->Load(id, MutableBytesOf(row)).ok());
    return row;
  }

  MemoryMaps maps_{{.frontends = 4, .service_ports = 1, .pools = 1, .slots = 1, .backends = 3, .sockets = 64}};
  Tables tables_ = maps_.Open();
  BackendRegistry registry_{*tables_.backends, *tables_.backend_counters};
};

TEST_F(BackendRegistryTest, OneIdForABackendHoweverManyUseIt) {
  const auto id = registry_.Acquire(Socket("10.0.0.1", 80));
  EXPECT_EQ(registry_.Acquire(Socket("10.0.0.1", 80)), id);
  EXPECT_NE(registry_.Acquire(Socket("10.0.0.1", 81)), id) << "another port";
  EXPECT_NE(registry_.Acquire(Socket("10.0.0.2", 80)), id);
  EXPECT_EQ(registry_.Acquire(Socket("10.0.0.3", 80)), std::nullopt) << "the map has three rows";
  EXPECT_EQ(registry_.Acquire(Socket("10.0.0.1", 80)), id) << "a backend that has an id keeps it";
}

TEST_F(BackendRegistryTest, TheRowIsWrittenOnceAndMarkedFreeWithTheLastReference) {
  const uint32_t id = *registry_.Acquire(Socket("10.0.0.1", 80));
  registry_.Acquire(Socket("10.0.0.1", 80));
  EXPECT_FALSE(registry_.Is(id, Socket("10.0.0.1", 80))) << "not written yet";
  int writes = 0;
  maps_.hooks().after = [&](absl::string_view) { ++writes; };
  ASSERT_TRUE(registry_.Write({id}).ok());
  ASSERT_TRUE(registry_.Write({id}).ok());
  EXPECT_EQ(writes, 1);
  EXPECT_TRUE(registry_.Is(id, Socket("10.0.0.1", 80)));
  EXPECT_FALSE(registry_.Is(id, Socket("10.0.0.1", 81)));
  ASSERT_TRUE(registry_.Release(id).ok());
  EXPECT_EQ(Row(id).in_use, 1);
  ASSERT_TRUE(registry_.Release(id).ok());
  EXPECT_EQ(Row(id).in_use, 0);
  EXPECT_EQ(DecodeBackend(Row(id)), Socket("10.0.0.1", 80)) << "tells the next agent that the id was used";
  EXPECT_EQ(registry_.ids().taken(), 0u);
}

TEST_F(BackendRegistryTest, AReusedIdStartsWithCountersAtZero) {
  const uint32_t id = *registry_.Acquire(Socket("10.0.0.1", 80));
  ASSERT_TRUE(registry_.Write({id}).ok());
  const shunt_backend_counters counted = {.chosen = 5};
  for (const uint32_t row : {id, id + 3}) {  // two CPUs
    ASSERT_TRUE(tables_.backend_counters->Store(row, BytesOf(counted)).ok());
  }
  ASSERT_TRUE(registry_.Release(id).ok());
  ASSERT_EQ(registry_.Acquire(Socket("10.0.0.2", 80)), id);
  ASSERT_TRUE(registry_.Write({id}).ok());
  for (const uint32_t row : {id, id + 3}) {
    shunt_backend_counters counters = {};
    ASSERT_TRUE(tables_.backend_counters->Load(row, MutableBytesOf(counters)).ok());
    EXPECT_EQ(counters.chosen, 0u) << "row " << row;
  }
}

TEST_F(BackendRegistryTest, AReferenceStaysIfTheRowCannotBeMarkedFree) {
  const uint32_t id = *registry_.Acquire(Socket("10.0.0.1", 80));
  ASSERT_TRUE(registry_.Write({id}).ok());
  maps_.hooks().before = [](absl::string_view) { return absl::UnavailableError("scripted"); };
  EXPECT_EQ(registry_.Release(id).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(registry_.IsReferenced(id));
  maps_.hooks().before = nullptr;
  EXPECT_TRUE(registry_.Release(id).ok());
  EXPECT_FALSE(registry_.IsReferenced(id));
}

TEST_F(BackendRegistryTest, TwoAdoptedIdsMayStandForOneBackend) {
  registry_.Adopt(0, Socket("10.0.0.1", 80));
  registry_.Adopt(2, Socket("10.0.0.1", 80));
  registry_.Adopt(2, Socket("10.0.0.1", 80));
  EXPECT_TRUE(registry_.Is(0, Socket("10.0.0.1", 80)));
  EXPECT_TRUE(registry_.Is(2, Socket("10.0.0.1", 80)));
  EXPECT_EQ(registry_.Acquire(Socket("10.0.0.1", 80)), 0u) << "new runs name one of them";
  ASSERT_TRUE(registry_.Release(2).ok());
  ASSERT_TRUE(registry_.Release(2).ok());
  EXPECT_FALSE(registry_.IsReferenced(2));
  EXPECT_EQ(registry_.Acquire(Socket("10.0.0.1", 80)), 0u) << "and they keep naming it";
}

}  // namespace
}  // namespace shunt::datapath
