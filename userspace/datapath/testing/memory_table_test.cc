// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/testing/memory_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

using testing::ElementsAre;

constexpr Limits kLimits = {.frontends = 4,
                            .service_ports = 2,
                            .pools = 3,
                            .slots = 8,
                            .backends = 4,
                            .sockets = 64,
                            .socket_peers = 2,
                            .affinities = 2};

TEST(MemoryMapsTest, HandlesSeeTheSameRows) {
  MemoryMaps maps(kLimits);
  Tables first = maps.Open();
  ASSERT_TRUE(first.pools->StoreWord(2, 0, 42).ok());
  first = {};
  Tables second = maps.Open();
  uint64_t word = 0;
  ASSERT_TRUE(second.pools->Load(2, MutableBytesOf(word)).ok());
  EXPECT_EQ(word, 42u);
}

TEST(MemoryMapsTest, AClonesRowsAreItsOwn) {
  MemoryMaps maps(kLimits);
  Tables tables = maps.Open();
  const auto clone = maps.Clone();
  ASSERT_TRUE(tables.pools->StoreWord(0, 0, 1).ok());
  uint64_t word = 7;
  ASSERT_TRUE(clone->Open().pools->Load(0, MutableBytesOf(word)).ok());
  EXPECT_EQ(word, 0u);
}

TEST(MemoryMapsTest, SizesAreThoseOfTheKernelsMaps) {
  MemoryMaps maps(kLimits, /*cpus=*/3);
  const Tables tables = maps.Open();
  EXPECT_EQ(tables.frontend_rows->capacity(), 4u);
  EXPECT_EQ(tables.frontend_index->capacity(), 2u) << "eight places need two buckets of seven";
  EXPECT_EQ(tables.service_counters->capacity(), 3u * 2u);
  EXPECT_EQ(tables.backend_counters->capacity(), 3u * 4u);
  EXPECT_EQ(tables.socket_taken->capacity(), 1u);
}

TEST(MemoryTableTest, RowsOutsideTheArrayAndOfAnotherSizeAreErrors) {
  MemoryMaps maps(kLimits);
  const Tables tables = maps.Open();
  const uint64_t word = 1;
  EXPECT_EQ(tables.pools->Store(3, BytesOf(word)).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(tables.pools->StoreWord(0, 1, 1).code(), absl::StatusCode::kInternal) << "a row has one word";
  EXPECT_EQ(tables.slots->Store(0, BytesOf(word)).code(), absl::StatusCode::kInternal) << "half a row";
  EXPECT_EQ(tables.pools->Put(BytesOf(word), BytesOf(word)).code(), absl::StatusCode::kInternal) << "no hash";
  EXPECT_EQ(tables.affinities->Store(0, BytesOf(word)).code(), absl::StatusCode::kInternal) << "no array";
}

TEST(MemoryTableTest, AWordIsWrittenWithoutItsNeighbours) {
  MemoryMaps maps(kLimits);
  const Tables tables = maps.Open();
  shunt_index_bucket bucket = {};
  bucket.entry[2] = 5;
  bucket.passed_over = 6;
  ASSERT_TRUE(tables.frontend_index->Store(1, BytesOf(bucket)).ok());
  ASSERT_TRUE(tables.frontend_index->StoreWord(1, 3, 9).ok());
  ASSERT_TRUE(tables.frontend_index->Load(1, MutableBytesOf(bucket)).ok());
  EXPECT_THAT(bucket.entry, ElementsAre(0, 0, 5, 9, 0, 0, 0));
  EXPECT_EQ(bucket.passed_over, 6u);
}

TEST(MemoryTableTest, AHashHasALimitAndFindsWhatWasPut) {
  MemoryMaps maps(kLimits);
  const Tables tables = maps.Open();
  Table& hash = *tables.affinities;
  shunt_affinity_key keys[3] = {};
  for (uint32_t i = 0; i < 3; ++i) keys[i].service_port = i;
  const shunt_affinity values[3] = {{.choice = 10}, {.choice = 11}, {.choice = 12}};
  EXPECT_EQ(hash.PutBatch(3, BytesOf(keys), BytesOf(values)).code(), absl::StatusCode::kResourceExhausted);
  shunt_affinity found = {};
  ASSERT_TRUE(hash.Find(BytesOf(keys[1]), MutableBytesOf(found)).ok()) << "put before the batch failed";
  EXPECT_EQ(found.choice, 11u);
  EXPECT_EQ(hash.Find(BytesOf(keys[2]), MutableBytesOf(found)).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(hash.Put(BytesOf(keys[1]), BytesOf(values[2])).ok()) << "full, but the key is there";
  EXPECT_TRUE(hash.RemoveBatch(3, BytesOf(keys)).ok());
  int rows = 0;
  ASSERT_TRUE(hash.ForEach([&](Bytes, Bytes) { ++rows; }).ok());
  EXPECT_EQ(rows, 0);
}

TEST(MemoryTableTest, HooksSeeEveryWriteAndMayRefuseIt) {
  MemoryMaps maps(kLimits);
  const Tables tables = maps.Open();
  std::vector<std::string> seen;
  maps.hooks().before = [&](WriteOperation, absl::string_view table) {
    return table == "slots" ? absl::UnavailableError("scripted") : absl::OkStatus();
  };
  maps.hooks().after = [&](WriteOperation, absl::string_view table) { seen.emplace_back(table); };
  EXPECT_TRUE(tables.pools->StoreWord(0, 0, 1).ok());
  EXPECT_EQ(tables.slots->Store(0, BytesOf(shunt_slot{.backend = 3})).code(), absl::StatusCode::kUnavailable);
  shunt_slot slot = {};
  ASSERT_TRUE(tables.slots->Load(0, MutableBytesOf(slot)).ok());
  EXPECT_EQ(slot.backend, 0u) << "a refused write changes nothing";
  const shunt_affinity_key keys[2] = {{.service_port = 1}, {.service_port = 2}};
  const shunt_affinity values[2] = {};
  EXPECT_TRUE(tables.affinities->PutBatch(2, BytesOf(keys), BytesOf(values)).ok());
  EXPECT_THAT(seen, ElementsAre("pools", "affinities", "affinities"));
}

}  // namespace
}  // namespace shunt::datapath
