// SPDX-License-Identifier: Apache-2.0
// The Table contract, on every kind of map that we have.
#include "userspace/datapath/kernel/maps/bpf_table.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <vector>

#include "bpf/abi.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/datapath/kernel/testing/sandbox_fixture.h"

namespace shunt::datapath {
namespace {

using ::testing::HasSubstr;

template <typename T>
Bytes BytesOf(const T& value) {
  return Bytes(reinterpret_cast<const std::byte*>(&value), sizeof(value));
}

template <typename T>
absl::Span<std::byte> WritableBytesOf(T& value) {
  return absl::Span<std::byte>(reinterpret_cast<std::byte*>(&value), sizeof(value));
}

template <typename T>
T LoadRow(const Table& table, uint32_t index) {
  T value{};
  absl::Status status = table.Load(index, WritableBytesOf(value));
  EXPECT_TRUE(status.ok()) << status;
  return value;
}

shunt_peer_key KeyOf(uint32_t number) {
  shunt_peer_key key{};
  key.cookie = number;
  return key;
}

shunt_peer PeerOf(uint32_t number) {
  shunt_peer peer{};
  peer.translation.backend = number;
  return peer;
}

class BpfTableTest : public SandboxTest {
 protected:
  void OpenWith(const Limits& limits) {
    absl::StatusOr<MapSet> maps = MapSet::CreateUnpinned(limits);
    ASSERT_TRUE(maps.ok()) << maps.status();
    maps_ = *std::move(maps);
    absl::StatusOr<Tables> tables = maps_.OpenTables();
    ASSERT_TRUE(tables.ok()) << tables.status();
    tables_ = *std::move(tables);
  }

  MapSet maps_;
  Tables tables_;
};

TEST_F(BpfTableTest, AStoredWordIsWhatTheKernelReads) {
  OpenWith(TinyLimits());
  const uint64_t word = shunt_pool_word(5, 3, SHUNT_EMPTY_NOT, 9);
  ASSERT_TRUE(tables_.pools->Store(15, BytesOf(word)).ok());
  const uint32_t row = 15;
  uint64_t in_kernel = 0;
  ASSERT_EQ(bpf_map_lookup_elem(maps_.Fd("pools"), &row, &in_kernel), 0);
  EXPECT_EQ(in_kernel, word);
  EXPECT_EQ(LoadRow<uint64_t>(*tables_.pools, 15), word);
}

TEST_F(BpfTableTest, LongRowsLieWhereTheKernelHasThem) {
  OpenWith(TinyLimits());
  for (uint32_t row = 0; row < 16; ++row) {
    shunt_service_port stored{};
    std::snprintf(stored.service_name, sizeof(stored.service_name), "service-%u", row);
    stored.port = static_cast<uint16_t>(row + 1);
    ASSERT_TRUE(tables_.service_ports->Store(row, BytesOf(stored)).ok());
  }
  for (uint32_t row = 0; row < 16; ++row) {
    shunt_service_port in_kernel{};
    ASSERT_EQ(bpf_map_lookup_elem(maps_.Fd("service_ports"), &row, &in_kernel), 0);
    EXPECT_EQ(in_kernel.port, row + 1);
    EXPECT_EQ(LoadRow<shunt_service_port>(*tables_.service_ports, row).port, row + 1);
  }
}

TEST_F(BpfTableTest, ARowBeyondTheEndIsABugAndTouchesNothing) {
  OpenWith(TinyLimits());
  uint64_t word = 1;
  absl::Status status = tables_.pools->Store(16, BytesOf(word));
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(status.message(), HasSubstr("map pools: store row 16"));
  EXPECT_EQ(tables_.pools->Load(16, WritableBytesOf(word)).code(), absl::StatusCode::kInternal);
  shunt_slot longer{};
  EXPECT_EQ(tables_.pools->Store(0, BytesOf(longer)).code(), absl::StatusCode::kInternal);
}

TEST_F(BpfTableTest, OperationsOfTheOtherKindFail) {
  OpenWith(TinyLimits());
  uint64_t word = 1;
  EXPECT_EQ(tables_.pools->ForEach([](Bytes, Bytes) {}).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(tables_.socket_peers->Store(0, BytesOf(word)).code(), absl::StatusCode::kInternal);
}

TEST_F(BpfTableTest, AWordOfARowIsStoredAloneAndInPlace) {
  OpenWith(TinyLimits());
  shunt_index_bucket bucket{};
  bucket.entry[2] = 7;
  ASSERT_TRUE(tables_.frontend_index->Store(1, BytesOf(bucket)).ok());
  ASSERT_TRUE(tables_.frontend_index->StoreWord(1, 6, shunt_index_entry(0x1234567800000000, 9)).ok());
  const uint32_t row = 1;
  shunt_index_bucket in_kernel{};
  ASSERT_EQ(bpf_map_lookup_elem(maps_.Fd("frontend_index"), &row, &in_kernel), 0);
  EXPECT_THAT(in_kernel.entry, ::testing::ElementsAre(0, 0, 7, 0, 0, 0, 0x123456780000000a));
  EXPECT_EQ(in_kernel.passed_over, 0u);
  EXPECT_EQ(LoadRow<shunt_index_bucket>(*tables_.frontend_index, 1).entry[6], 0x123456780000000au);
  EXPECT_EQ(tables_.frontend_index->StoreWord(1, 8, 1).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(tables_.frontend_index->StoreWord(1 << 20, 0, 1).code(), absl::StatusCode::kInternal);
}

// Enough rows for several reads, with buckets of every length.
TEST_F(BpfTableTest, EveryRowOfAHashIsVisitedOnce) {
  constexpr uint32_t kRows = 20'000;
  Limits limits = TinyLimits();
  limits.socket_peers = kRows;
  OpenWith(limits);
  for (uint32_t row = 0; row < kRows; ++row) {
    const shunt_peer_key key = KeyOf(row);
    const shunt_peer peer = PeerOf(row);
    ASSERT_EQ(bpf_map_update_elem(maps_.Fd("socket_peers"), &key, &peer, BPF_NOEXIST), 0);
  }

  std::map<uint32_t, int> seen;
  absl::Status visited = tables_.socket_peers->ForEach([&seen](Bytes key_bytes, Bytes value_bytes) {
    shunt_peer_key key;
    shunt_peer peer;
    std::memcpy(&key, key_bytes.data(), sizeof(key));
    std::memcpy(&peer, value_bytes.data(), sizeof(peer));
    EXPECT_EQ(key.cookie, peer.translation.backend);
    ++seen[peer.translation.backend];
  });
  ASSERT_TRUE(visited.ok()) << visited;
  EXPECT_EQ(seen.size(), kRows);
  for (const auto& [row, times] : seen) EXPECT_EQ(times, 1) << row;
}

shunt_source_key RangeOf(uint32_t list, uint32_t length, uint32_t address) {
  shunt_source_key key = {.prefix_length = 32 + 96 + length, .list = list, .address = {}};
  key.address.word[2] = htonl(0xffff);
  key.address.word[3] = htonl(address);
  return key;
}

// An LPM trie is read by keys, in more steps than one.
TEST_F(BpfTableTest, ATrieIsWrittenAndReadByKey) {
  constexpr uint32_t kLists = 6'000;
  OpenWith(TinyLimits());
  Table& ranges = *tables_.source_ranges;
  for (uint32_t list = 0; list < kLists; ++list) {
    ASSERT_TRUE(ranges.Put(BytesOf(RangeOf(list, 8, 0x0a000000)), BytesOf(list)).ok());
  }
  std::map<uint32_t, uint32_t> seen;  // list -> times
  const auto read = [&] {
    seen.clear();
    return ranges.ForEach([&seen](Bytes key_bytes, Bytes value_bytes) {
      shunt_source_key key;
      uint32_t value;
      std::memcpy(&key, key_bytes.data(), sizeof(key));
      std::memcpy(&value, value_bytes.data(), sizeof(value));
      EXPECT_EQ(key.list, value);
      EXPECT_EQ(key.prefix_length, 32u + 96 + 8);
      ++seen[key.list];
    });
  };
  ASSERT_TRUE(read().ok());
  EXPECT_EQ(seen.size(), kLists);
  for (const auto& [list, times] : seen) EXPECT_EQ(times, 1) << list;

  uint32_t found = 0;
  const shunt_source_key in = RangeOf(7, 32, 0x0a010203), out = RangeOf(7, 32, 0x0b010203);
  EXPECT_EQ(bpf_map_lookup_elem(maps_.Fd("source_ranges"), &in, &found), 0);
  EXPECT_EQ(found, 7u);
  EXPECT_EQ(bpf_map_lookup_elem(maps_.Fd("source_ranges"), &out, &found), -ENOENT);
  EXPECT_TRUE(ranges.Remove(BytesOf(RangeOf(7, 8, 0x0a000000))).ok());
  EXPECT_TRUE(ranges.Remove(BytesOf(RangeOf(7, 8, 0x0a000000))).ok()) << "it is not there, as was asked";
  EXPECT_EQ(bpf_map_lookup_elem(maps_.Fd("source_ranges"), &in, &found), -ENOENT);
  ASSERT_TRUE(read().ok());
  EXPECT_EQ(seen.size(), kLists - 1);
}

TEST_F(BpfTableTest, AHashIsWrittenByKey) {
  OpenWith(TinyLimits());
  for (const uint32_t mtu : {1500u, 9000u}) {
    for (const uint32_t device : {2u, 3u}) {
      ASSERT_TRUE(tables_.devices->Put(BytesOf(device), BytesOf(shunt_device{.mtu = mtu})).ok());
    }
  }
  const uint32_t gone = 3;
  ASSERT_TRUE(tables_.devices->Remove(BytesOf(gone)).ok());
  std::map<uint32_t, uint32_t> mtus;
  ASSERT_TRUE(tables_.devices
                  ->ForEach([&mtus](Bytes key, Bytes value) {
                    uint32_t device;
                    shunt_device row;
                    std::memcpy(&device, key.data(), sizeof(device));
                    std::memcpy(&row, value.data(), sizeof(row));
                    mtus[device] = row.mtu;
                  })
                  .ok());
  EXPECT_THAT(mtus, ::testing::ElementsAre(::testing::Pair(2u, 9000u)));
  EXPECT_EQ(tables_.devices->Put(BytesOf(uint64_t{1}), BytesOf(shunt_device{})).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(tables_.devices->Put(BytesOf(gone), BytesOf(gone)).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(tables_.pools->Put(BytesOf(gone), BytesOf(uint64_t{1})).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(tables_.pools->Remove(BytesOf(gone)).code(), absl::StatusCode::kInternal);
}

TEST_F(BpfTableTest, AFullHashSaysSo) {
  OpenWith(TinyLimits());
  const uint32_t rows = tables_.devices->capacity();
  for (uint32_t device = 0; device < rows; ++device) {
    ASSERT_TRUE(tables_.devices->Put(BytesOf(device), BytesOf(shunt_device{})).ok());
  }
  const absl::Status status = tables_.devices->Put(BytesOf(rows), BytesOf(shunt_device{}));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("map devices: put"));
}

TEST_F(BpfTableTest, AnEmptyHashHasNoRows) {
  OpenWith(TinyLimits());
  int rows = 0;
  for (const Table* hash : {tables_.socket_peers.get(), tables_.source_ranges.get(), tables_.fragments.get()}) {
    ASSERT_TRUE(hash->ForEach([&rows](Bytes, Bytes) { ++rows; }).ok()) << hash->name();
  }
  EXPECT_EQ(rows, 0);
}

TEST_F(BpfTableTest, AnLruHashIsVisited) {
  OpenWith(TinyLimits());
  shunt_affinity_key key{};
  key.service_port = 9;
  shunt_affinity affinity{};
  affinity.choice = 4;
  ASSERT_EQ(bpf_map_update_elem(maps_.Fd("affinities"), &key, &affinity, BPF_ANY), 0);
  std::vector<uint32_t> backends;
  ASSERT_TRUE(tables_.affinities
                  ->ForEach([&backends](Bytes, Bytes value) {
                    shunt_affinity found;
                    std::memcpy(&found, value.data(), sizeof(found));
                    backends.push_back(static_cast<uint32_t>(found.choice));
                  })
                  .ok());
  EXPECT_THAT(backends, ::testing::ElementsAre(4));
}

}  // namespace
}  // namespace shunt::datapath
