// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/frontend_index.h"

#include <bit>

#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

constexpr uint8_t kFull = (1u << SHUNT_INDEX_ENTRIES) - 1;
constexpr uint32_t kCountWord = offsetof(shunt_index_bucket, passed_over) / sizeof(uint64_t);

uint8_t BitOf(uint32_t index_slot) {
  return static_cast<uint8_t>(1u << (index_slot % SHUNT_INDEX_ENTRIES));
}
uint32_t BucketOf(uint32_t index_slot) {
  return index_slot / SHUNT_INDEX_ENTRIES;
}
uint32_t RowOf(uint64_t entry) {
  return static_cast<uint32_t>(entry) - 1;
}

}  // namespace

FrontendIndex::FrontendIndex(Table& index, uint64_t seed)
    : index_(index), seed_(seed), mask_(index.capacity() - 1), buckets_(index.capacity()) {}

uint32_t FrontendIndex::HomeOf(const shunt_frontend_key& key) const {
  return static_cast<uint32_t>(shunt_key_hash(seed_, &key)) & mask_;
}

uint32_t FrontendIndex::Take(const shunt_frontend_key& key) {
  const uint32_t home = HomeOf(key);
  for (uint32_t probe = 0; probe < SHUNT_INDEX_PROBES && probe <= mask_; ++probe) {
    const uint32_t at = (home + probe) & mask_;
    Bucket& bucket = buckets_[at];
    if (bucket.taken == kFull) continue;
    const uint32_t index_slot = at * SHUNT_INDEX_ENTRIES + static_cast<uint32_t>(std::countr_one(bucket.taken));
    bucket.taken |= BitOf(index_slot);
    return index_slot;
  }
  return kNoIndexSlot;
}

void FrontendIndex::GiveBack(uint32_t index_slot) {
  buckets_[BucketOf(index_slot)].taken &= static_cast<uint8_t>(~BitOf(index_slot));
}

absl::Status FrontendIndex::Put(const shunt_frontend_key& key, uint32_t index_slot, uint32_t row, bool is_new) {
  const uint64_t entry = shunt_index_entry(shunt_key_hash(seed_, &key), row);
  absl::Status status = index_.StoreWord(BucketOf(index_slot), index_slot % SHUNT_INDEX_ENTRIES, entry);
  if (!status.ok() || !is_new) return status;
  // The counts come last: only they let programs go past a full bucket, where the entry stands already.
  Count(key, index_slot, +1);
  WriteCounts().IgnoreError();
  return absl::OkStatus();
}

absl::Status FrontendIndex::Remove(const shunt_frontend_key& key, uint32_t index_slot) {
  absl::Status status = index_.StoreWord(BucketOf(index_slot), index_slot % SHUNT_INDEX_ENTRIES, 0);
  if (!status.ok()) return status;
  GiveBack(index_slot);
  // Until the count is written it is too high, which costs programs one more look and nothing else.
  Count(key, index_slot, -1);
  WriteCounts().IgnoreError();
  return absl::OkStatus();
}

void FrontendIndex::Count(const shunt_frontend_key& key, uint32_t index_slot, int change) {
  for (uint32_t at = HomeOf(key); at != BucketOf(index_slot); at = (at + 1) & mask_) {
    buckets_[at].beyond += static_cast<uint32_t>(change);
    miscounted_.push_back(at);
  }
}

absl::Status FrontendIndex::WriteCounts() {
  while (!miscounted_.empty()) {
    const uint32_t at = miscounted_.back();
    Bucket& bucket = buckets_[at];
    if (bucket.written != bucket.beyond) {
      if (absl::Status status = index_.StoreWord(at, kCountWord, bucket.beyond); !status.ok()) return status;
      bucket.written = bucket.beyond;
    }
    miscounted_.pop_back();
  }
  return absl::OkStatus();
}

bool FrontendIndex::Holds(const shunt_frontend_key& key, uint32_t index_slot, uint32_t row) const {
  shunt_index_bucket bucket = {};
  return index_.Load(BucketOf(index_slot), MutableBytesOf(bucket)).ok() &&
         bucket.entry[index_slot % SHUNT_INDEX_ENTRIES] == shunt_index_entry(shunt_key_hash(seed_, &key), row);
}

bool FrontendIndex::BucketAgrees(uint32_t bucket, absl::FunctionRef<bool(uint32_t, uint32_t)> is_known) const {
  shunt_index_bucket row = {};
  if (!index_.Load(bucket, MutableBytesOf(row)).ok() || row.passed_over != buckets_[bucket].written) return false;
  for (uint32_t i = 0; i < SHUNT_INDEX_ENTRIES; ++i) {
    if (row.entry[i] != 0 && !is_known(bucket * SHUNT_INDEX_ENTRIES + i, RowOf(row.entry[i]))) return false;
  }
  return true;
}

absl::Status FrontendIndex::Adopt(const Visit& visit, const Found& found) {
  struct Entry {
    uint32_t index_slot;
    uint32_t distance;
    uint32_t row;
    shunt_frontend_key key;
  };
  // By distance: of two entries of one key programs find the nearer one.
  std::vector<Entry> by_distance[SHUNT_INDEX_PROBES];
  for (uint32_t at = 0; at <= mask_; ++at) {
    shunt_index_bucket row = {};
    if (absl::Status status = index_.Load(at, MutableBytesOf(row)); !status.ok()) return status;
    buckets_[at].written = row.passed_over;
    for (uint32_t i = 0; i < SHUNT_INDEX_ENTRIES; ++i) {
      if (row.entry[i] == 0) continue;
      const uint32_t index_slot = at * SHUNT_INDEX_ENTRIES + i;
      buckets_[at].taken |= BitOf(index_slot);
      const std::optional<shunt_frontend_key> key =
          static_cast<uint32_t>(row.entry[i]) == 0 ? std::nullopt : visit(RowOf(row.entry[i]));
      const uint32_t distance = key ? (at - HomeOf(*key)) & mask_ : SHUNT_INDEX_PROBES;
      if (distance >= SHUNT_INDEX_PROBES ||
          shunt_index_entry(shunt_key_hash(seed_, &*key), RowOf(row.entry[i])) != row.entry[i]) {
        foreign_.push_back(index_slot);
        continue;
      }
      by_distance[distance].push_back({index_slot, distance, RowOf(row.entry[i]), *key});
    }
  }
  for (const std::vector<Entry>& entries : by_distance) {
    for (const Entry& entry : entries) {
      if (found(entry.key, entry.index_slot, entry.row)) {
        Count(entry.key, entry.index_slot, +1);
      } else {
        foreign_.push_back(entry.index_slot);
      }
    }
  }
  miscounted_.clear();
  for (uint32_t at = 0; at <= mask_; ++at) {
    if (buckets_[at].written != buckets_[at].beyond) miscounted_.push_back(at);
  }
  return absl::OkStatus();
}

absl::Status FrontendIndex::RemoveForeign() {
  while (!foreign_.empty()) {
    const uint32_t index_slot = foreign_.back();
    absl::Status status = index_.StoreWord(BucketOf(index_slot), index_slot % SHUNT_INDEX_ENTRIES, 0);
    if (!status.ok()) return status;
    GiveBack(index_slot);
    foreign_.pop_back();
  }
  return absl::OkStatus();
}

}  // namespace shunt::datapath
