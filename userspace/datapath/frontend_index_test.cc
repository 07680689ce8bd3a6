// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/frontend_index.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/seeds.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/testing/memory_table.h"
#include "userspace/datapath/testing/plans.h"
#include "userspace/datapath/testing/simulated_reader.h"

namespace shunt::datapath {
namespace {

shunt_frontend_key Key(uint32_t number) {
  return EncodeFrontend({model::IpAddress::FromV4(0x0a600000 + number), 80, model::Protocol::kTcp});
}

// 16 buckets of seven: 112 index slots, so that most keys stand beyond their bucket before it is full.
class FrontendIndexTest : public testing::Test {
 protected:
  FrontendIndexTest() { Reopen(); }

  void Reopen() { index_.emplace(*tables_.frontend_index, Meta().index_seed); }
  shunt_meta Meta() const {
    shunt_meta meta = {};
    EXPECT_TRUE(tables_.meta->Load(0, MutableBytesOf(meta)).ok());
    return meta;
  }
  void WriteRow(uint32_t row, const shunt_frontend_key& key) {
    ASSERT_TRUE(tables_.frontend_rows->Store(row, BytesOf(shunt_frontend_row{.key = key})).ok());
  }
  std::optional<uint32_t> Find(uint32_t number) const { return SimulatedReader(tables_).FindRow(Key(number)); }

  MemoryMaps maps_{{.frontends = 56, .service_ports = 1, .pools = 1, .slots = 1, .backends = 1, .sockets = 64}};
  Tables tables_ = maps_.Open();
  std::optional<FrontendIndex> index_;
};

TEST_F(FrontendIndexTest, AKeyIsFoundFromItsPutToItsRemoval) {
  const uint32_t index_slot = index_->Take(Key(1));
  WriteRow(5, Key(1));
  EXPECT_EQ(Find(1), std::nullopt) << "an index slot alone leads nowhere";
  ASSERT_TRUE(index_->Put(Key(1), index_slot, 5, /*is_new=*/true).ok());
  EXPECT_EQ(Find(1), 5u);
  WriteRow(6, Key(1));
  ASSERT_TRUE(index_->Put(Key(1), index_slot, 6, /*is_new=*/false).ok());
  EXPECT_EQ(Find(1), 6u);
  ASSERT_TRUE(index_->Remove(Key(1), index_slot).ok());
  EXPECT_EQ(Find(1), std::nullopt);
}

// Random keys come and go; after every single write, programs find all keys that are there.
TEST_F(FrontendIndexTest, EveryKeyIsFoundWhereverItStands) {
  const uint32_t seed = seeds::Usually(3);
  SCOPED_TRACE(seeds::Trace(seed));
  std::mt19937 random(seed);
  std::map<uint32_t, uint32_t> index_slots;
  std::optional<uint32_t> in_hand;  // being put or removed
  maps_.hooks().after = [&](absl::string_view) {
    for (const auto& [number, index_slot] : index_slots) {
      if (number == in_hand) continue;
      ASSERT_EQ(Find(number), number % 56) << number;
    }
  };
  size_t most = 0;
  for (int step = 0; step < 3000; ++step) {
    const uint32_t number = random() % 200;
    in_hand = number;
    if (const auto found = index_slots.find(number); found != index_slots.end()) {
      ASSERT_TRUE(index_->Remove(Key(number), found->second).ok());
      index_slots.erase(found);
      ASSERT_EQ(Find(number), std::nullopt);
      continue;
    }
    bool row_taken = false;
    for (const auto& [other, index_slot] : index_slots) row_taken |= other % 56 == number % 56;
    if (row_taken) continue;
    const uint32_t index_slot = index_->Take(Key(number));
    ASSERT_NE(index_slot, FrontendIndex::kNoIndexSlot) << "half of the index slots are free";
    WriteRow(number % 56, Key(number));
    ASSERT_TRUE(index_->Put(Key(number), index_slot, number % 56, /*is_new=*/true).ok());
    index_slots[number] = index_slot;
    ASSERT_EQ(Find(number), number % 56);
    most = std::max(most, index_slots.size());
  }
  EXPECT_GT(most, 40u) << "of 56: the test was to fill buckets";
  while (!index_slots.empty()) {
    const auto [number, index_slot] = *index_slots.begin();
    index_slots.erase(index_slots.begin());
    ASSERT_TRUE(index_->Remove(Key(number), index_slot).ok());
  }
  for (uint32_t bucket = 0; bucket < tables_.frontend_index->capacity(); ++bucket) {
    shunt_index_bucket row = {};
    ASSERT_TRUE(tables_.frontend_index->Load(bucket, MutableBytesOf(row)).ok());
    EXPECT_EQ(row.passed_over, 0u) << "bucket " << bucket;
  }
}

TEST_F(FrontendIndexTest, AFullStretchIsNowhere) {
  // All index slots in which one key may stand are taken by other keys of the same bucket.
  const uint64_t seed = Meta().index_seed;
  std::vector<uint32_t> same_bucket;
  for (uint32_t number = 0; same_bucket.size() < SHUNT_INDEX_PROBES * SHUNT_INDEX_ENTRIES + 1; ++number) {
    const shunt_frontend_key key = Key(number);
    if ((shunt_key_hash(seed, &key) & (tables_.frontend_index->capacity() - 1)) == 0) same_bucket.push_back(number);
  }
  const uint32_t last = same_bucket.back();
  same_bucket.pop_back();
  std::vector<uint32_t> index_slots;
  for (const uint32_t number : same_bucket) {
    index_slots.push_back(index_->Take(Key(number)));
    ASSERT_NE(index_slots.back(), FrontendIndex::kNoIndexSlot);
  }
  EXPECT_EQ(index_->Take(Key(last)), FrontendIndex::kNoIndexSlot);
  index_->GiveBack(index_slots[20]);
  EXPECT_EQ(index_->Take(Key(last)), index_slots[20]);
}

TEST_F(FrontendIndexTest, ACountThatCouldNotBeWrittenIsWrittenLater) {
  // Fill a bucket, so that the eighth key of it stands beyond.
  const uint64_t seed = Meta().index_seed;
  std::vector<uint32_t> same_bucket;
  for (uint32_t number = 0; same_bucket.size() < SHUNT_INDEX_ENTRIES + 1; ++number) {
    const shunt_frontend_key key = Key(number);
    if ((shunt_key_hash(seed, &key) & (tables_.frontend_index->capacity() - 1)) == 9) same_bucket.push_back(number);
  }
  int writes_left = SHUNT_INDEX_ENTRIES + 1;  // an entry each, but not the count
  maps_.hooks().before = [&](absl::string_view table) {
    return table != "frontend_index" || writes_left-- > 0 ? absl::OkStatus() : absl::UnavailableError("scripted");
  };
  for (uint32_t row = 0; row < same_bucket.size(); ++row) {
    const shunt_frontend_key key = Key(same_bucket[row]);
    WriteRow(row, key);
    ASSERT_TRUE(index_->Put(key, index_->Take(key), row, /*is_new=*/true).ok());
  }
  EXPECT_EQ(Find(same_bucket.back()), std::nullopt) << "its bucket does not say yet that there is more";
  EXPECT_EQ(index_->WriteCounts().code(), absl::StatusCode::kUnavailable);
  maps_.hooks().before = nullptr;
  EXPECT_TRUE(index_->WriteCounts().ok());
  EXPECT_EQ(Find(same_bucket.back()), SHUNT_INDEX_ENTRIES);
}

TEST_F(FrontendIndexTest, AdoptsWhatProgramsFindAndFreesTheRest) {
  for (uint32_t number = 0; number < 40; ++number) {
    WriteRow(number, Key(number));
    ASSERT_TRUE(index_->Put(Key(number), index_->Take(Key(number)), number, /*is_new=*/true).ok());
  }
  // Entries that lead nowhere: a row of another key, a row outside the map, a row id of 0 with a tag.
  std::vector<std::pair<uint32_t, uint32_t>> free_entries;
  for (uint32_t bucket = 0; bucket < tables_.frontend_index->capacity(); ++bucket) {
    shunt_index_bucket row = {};
    ASSERT_TRUE(tables_.frontend_index->Load(bucket, MutableBytesOf(row)).ok());
    for (uint32_t i = 0; i < SHUNT_INDEX_ENTRIES; ++i) {
      if (row.entry[i] == 0) free_entries.emplace_back(bucket, i);
    }
  }
  const uint64_t garbage[] = {0xabcdef0000000001, 0xffffffffffffffff, 0x1234567800000000};
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(tables_.frontend_index->StoreWord(free_entries[i].first, free_entries[i].second, garbage[i]).ok());
  }
  ASSERT_TRUE(tables_.frontend_index->StoreWord(3, SHUNT_INDEX_ENTRIES, 77).ok()) << "a count that is wrong";

  Reopen();
  std::map<uint32_t, uint32_t> found;  // row -> index slot
  const auto visit = [&](uint32_t row) -> std::optional<shunt_frontend_key> {
    return row < 40 ? std::optional(Key(row)) : std::nullopt;
  };
  ASSERT_TRUE(index_
                  ->Adopt(visit,
                          [&](const shunt_frontend_key& key, uint32_t index_slot, uint32_t row) {
                            EXPECT_TRUE(FrontendKeyEqual()(key, Key(row)));
                            return found.emplace(row, index_slot).second;
                          })
                  .ok());
  EXPECT_EQ(found.size(), 40u);
  ASSERT_TRUE(index_->RemoveForeign().ok());
  ASSERT_TRUE(index_->WriteCounts().ok());
  for (uint32_t number = 0; number < 40; ++number) EXPECT_EQ(Find(number), number);
  EXPECT_EQ(SimulatedReader(tables_).AllRows().size(), 40u);
  for (const auto& [row, index_slot] : found) ASSERT_TRUE(index_->Remove(Key(row), index_slot).ok());
  for (uint32_t bucket = 0; bucket < tables_.frontend_index->capacity(); ++bucket) {
    shunt_index_bucket row = {};
    ASSERT_TRUE(tables_.frontend_index->Load(bucket, MutableBytesOf(row)).ok());
    EXPECT_EQ(row.passed_over, 0u) << "bucket " << bucket;
  }
}

TEST_F(FrontendIndexTest, OfTwoEntriesOfOneKeyTheOneThatProgramsFindCounts) {
  WriteRow(1, Key(1));
  WriteRow(2, Key(1));
  const uint32_t index_slot = index_->Take(Key(1));
  ASSERT_TRUE(index_->Put(Key(1), index_slot, 1, /*is_new=*/true).ok());
  // A second one, in the next bucket.
  const uint32_t beyond = (index_slot / SHUNT_INDEX_ENTRIES + 1) % tables_.frontend_index->capacity();
  const shunt_frontend_key key = Key(1);
  ASSERT_TRUE(
      tables_.frontend_index->StoreWord(beyond, 0, shunt_index_entry(shunt_key_hash(Meta().index_seed, &key), 2)).ok());
  Reopen();
  std::vector<uint32_t> rows;
  ASSERT_TRUE(index_
                  ->Adopt([](uint32_t) { return std::optional(Key(1)); },
                          [&](const shunt_frontend_key&, uint32_t, uint32_t row) {
                            rows.push_back(row);
                            return rows.size() == 1;
                          })
                  .ok());
  EXPECT_EQ(rows.front(), 1u);
  ASSERT_TRUE(index_->RemoveForeign().ok());
  EXPECT_EQ(Find(1), 1u);
  EXPECT_EQ(SimulatedReader(tables_).AllRows(), std::vector<uint32_t>{1});
}

}  // namespace
}  // namespace shunt::datapath
