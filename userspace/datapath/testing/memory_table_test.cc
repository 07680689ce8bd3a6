// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/testing/memory_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "bpf/abi.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

using testing::ElementsAre;
using testing::Pair;

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
  EXPECT_EQ(tables.flow_rows->capacity(), 1u) << "the packet path is off";
  Limits limits = kLimits;
  limits.flows = 2048;
  MemoryMaps with_flows(limits);
  const Tables flows = with_flows.Open();
  EXPECT_EQ(flows.flow_rows->capacity(), 2048u);
  EXPECT_EQ(flows.flow_index->capacity(), 2048u);
  EXPECT_EQ(flows.flow_taken->capacity(), 32u);
  EXPECT_EQ(flows.snat_ports->capacity(), 8u * SHUNT_SNAT_WORDS);
  EXPECT_EQ(flows.fragments->capacity(), 8192u);
  EXPECT_EQ(flows.node_ports->name(), "node_ports") << "each handle is on the map of its name";
  EXPECT_EQ(flows.fragments->name(), "fragments");
}

TEST(MemoryTableTest, RowsOutsideTheArrayAndOfAnotherSizeAreErrors) {
  MemoryMaps maps(kLimits);
  const Tables tables = maps.Open();
  const uint64_t word = 1;
  EXPECT_EQ(tables.pools->Store(3, BytesOf(word)).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(tables.pools->StoreWord(0, 1, 1).code(), absl::StatusCode::kInternal) << "a row has one word";
  EXPECT_EQ(tables.slots->Store(0, BytesOf(word)).code(), absl::StatusCode::kInternal) << "half a row";
  EXPECT_EQ(tables.pools->ForEach([](Bytes, Bytes) {}).code(), absl::StatusCode::kInternal) << "no hash";
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

TEST(MemoryTableTest, AHashShowsTheRowsThatWerePut) {
  MemoryMaps maps(kLimits);
  const Tables tables = maps.Open();
  maps.PutRow("affinities", BytesOf(shunt_affinity_key{.service_port = 1}), BytesOf(shunt_affinity{.choice = 10}));
  maps.PutRow("affinities", BytesOf(shunt_affinity_key{.service_port = 2}), BytesOf(shunt_affinity{.choice = 11}));
  maps.PutRow("affinities", BytesOf(shunt_affinity_key{.service_port = 2}), BytesOf(shunt_affinity{.choice = 12}));
  std::map<uint32_t, uint64_t> choices;  // by service port
  ASSERT_TRUE(tables.affinities
                  ->ForEach([&](Bytes key, Bytes value) {
                    choices[FromBytes<shunt_affinity_key>(key).service_port] = FromBytes<shunt_affinity>(value).choice;
                  })
                  .ok());
  EXPECT_THAT(choices, ElementsAre(Pair(1u, 10u), Pair(2u, 12u)));
}

TEST(MemoryTableTest, AHashIsWrittenByKey) {
  MemoryMaps maps(kLimits);
  const Tables tables = maps.Open();
  const uint32_t eth0 = 2, eth1 = 3;
  EXPECT_TRUE(tables.devices->Put(BytesOf(eth0), BytesOf(shunt_device{.mtu = 1500})).ok());
  EXPECT_TRUE(tables.devices->Put(BytesOf(eth1), BytesOf(shunt_device{.mtu = 1400})).ok());
  EXPECT_TRUE(tables.devices->Put(BytesOf(eth0), BytesOf(shunt_device{.mtu = 9000})).ok());
  std::map<uint32_t, uint32_t> mtus;
  const auto read = [&] {
    mtus.clear();
    return tables.devices->ForEach(
        [&](Bytes key, Bytes value) { mtus[FromBytes<uint32_t>(key)] = FromBytes<shunt_device>(value).mtu; });
  };
  ASSERT_TRUE(read().ok());
  EXPECT_THAT(mtus, ElementsAre(Pair(eth0, 9000u), Pair(eth1, 1400u)));
  EXPECT_TRUE(tables.devices->Remove(BytesOf(eth0)).ok());
  EXPECT_TRUE(tables.devices->Remove(BytesOf(eth0)).ok()) << "it is not there, as was asked";
  ASSERT_TRUE(read().ok());
  EXPECT_THAT(mtus, ElementsAre(Pair(eth1, 1400u)));
}

TEST(MemoryTableTest, AHashRefusesWhatIsNotItsOwn) {
  MemoryMaps maps(kLimits);
  const Tables tables = maps.Open();
  const uint64_t eight = 1;
  const uint32_t four = 1;
  EXPECT_EQ(tables.devices->Put(BytesOf(eight), BytesOf(shunt_device{})).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(tables.devices->Put(BytesOf(four), BytesOf(four)).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(tables.devices->Remove(BytesOf(eight)).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(tables.pools->Put(BytesOf(four), BytesOf(eight)).code(), absl::StatusCode::kInternal) << "no hash";
  EXPECT_EQ(tables.pools->Remove(BytesOf(four)).code(), absl::StatusCode::kInternal) << "no hash";
  const shunt_affinity_key keys[] = {{.service_port = 1}, {.service_port = 2}, {.service_port = 3}};
  ASSERT_EQ(tables.affinities->capacity(), 2u);
  EXPECT_TRUE(tables.affinities->Put(BytesOf(keys[0]), BytesOf(shunt_affinity{})).ok());
  EXPECT_TRUE(tables.affinities->Put(BytesOf(keys[1]), BytesOf(shunt_affinity{})).ok());
  EXPECT_EQ(tables.affinities->Put(BytesOf(keys[2]), BytesOf(shunt_affinity{})).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(tables.affinities->Put(BytesOf(keys[0]), BytesOf(shunt_affinity{})).ok()) << "in the old row's place";
}

TEST(MemoryTableTest, HooksSeeTheWritesOfAHash) {
  MemoryMaps maps(kLimits);
  const Tables tables = maps.Open();
  const uint32_t device = 2;
  ASSERT_TRUE(tables.devices->Put(BytesOf(device), BytesOf(shunt_device{.mtu = 1500})).ok());
  std::vector<std::string> seen;
  maps.hooks().after = [&](absl::string_view table) { seen.emplace_back(table); };
  EXPECT_TRUE(tables.devices->Put(BytesOf(device), BytesOf(shunt_device{.mtu = 1400})).ok());
  maps.hooks().before = [](absl::string_view) { return absl::UnavailableError("scripted"); };
  EXPECT_EQ(tables.devices->Put(BytesOf(device), BytesOf(shunt_device{})).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(tables.devices->Remove(BytesOf(device)).code(), absl::StatusCode::kUnavailable);
  uint32_t mtu = 0;
  ASSERT_TRUE(tables.devices->ForEach([&](Bytes, Bytes value) { mtu = FromBytes<shunt_device>(value).mtu; }).ok());
  EXPECT_EQ(mtu, 1400u) << "a refused write changes nothing";
  maps.hooks().before = nullptr;
  EXPECT_TRUE(tables.devices->Remove(BytesOf(device)).ok());
  EXPECT_THAT(seen, ElementsAre("devices", "devices"));
}

TEST(MemoryTableTest, HooksSeeEveryWriteAndMayRefuseIt) {
  MemoryMaps maps(kLimits);
  const Tables tables = maps.Open();
  std::vector<std::string> seen;
  maps.hooks().before = [&](absl::string_view table) {
    return table == "slots" ? absl::UnavailableError("scripted") : absl::OkStatus();
  };
  maps.hooks().after = [&](absl::string_view table) { seen.emplace_back(table); };
  EXPECT_TRUE(tables.pools->StoreWord(0, 0, 1).ok());
  EXPECT_EQ(tables.slots->Store(0, BytesOf(shunt_slot{.backend = 3})).code(), absl::StatusCode::kUnavailable);
  shunt_slot slot = {};
  ASSERT_TRUE(tables.slots->Load(0, MutableBytesOf(slot)).ok());
  EXPECT_EQ(slot.backend, 0u) << "a refused write changes nothing";
  EXPECT_TRUE(tables.backends->Store(0, BytesOf(shunt_backend{})).ok());
  EXPECT_TRUE(tables.backends->Store(1, BytesOf(shunt_backend{})).ok());
  EXPECT_THAT(seen, ElementsAre("pools", "backends", "backends"));
}

}  // namespace
}  // namespace shunt::datapath
