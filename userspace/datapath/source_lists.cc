// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/source_lists.h"

#include <algorithm>
#include <utility>

#include "userspace/datapath/codec.h"

namespace shunt::datapath {

uint32_t SourceLists::NextId() {
  // There are fewer lists than ids by far. An id comes round after all others, which makes a dump easier to follow.
  while (next_ < SHUNT_LIST_FIRST || entries_.contains(next_)) ++next_;
  return next_++;
}

std::optional<uint32_t> SourceLists::Acquire(absl::Span<const model::IpPrefix> ranges) {
  if (const auto found = by_ranges_.find(ranges); found != by_ranges_.end()) {
    ++entries_.at(found->second).references;
    return found->second;
  }
  if (ranges.size() > available()) return std::nullopt;
  const uint32_t id = NextId();
  Entry& entry = entries_[id];
  entry.ranges.assign(ranges.begin(), ranges.end());
  entry.references = 1;
  by_ranges_.emplace(entry.ranges, id);
  taken_ += static_cast<uint32_t>(ranges.size());
  return id;
}

absl::Status SourceLists::Write(uint32_t id) {
  Entry& entry = entries_.at(id);
  if (entry.whole) return absl::OkStatus();
  entry.begun = true;
  for (const model::IpPrefix& range : entry.ranges) {
    const absl::Status status = table_.Put(BytesOf(EncodeSource(id, range)), BytesOf(uint32_t{0}));
    if (!status.ok()) return status;
  }
  entry.whole = true;
  return absl::OkStatus();
}

absl::Status SourceLists::Release(uint32_t id) {
  Entry& entry = entries_.at(id);
  if (entry.references == 1 && entry.begun) {
    entry.whole = false;
    for (const model::IpPrefix& range : entry.ranges) {
      if (absl::Status status = table_.Remove(BytesOf(EncodeSource(id, range))); !status.ok()) return status;
    }
  }
  if (--entry.references > 0) return absl::OkStatus();
  // After a corrupted start two ids may stand for one list; the map knows only one of them.
  if (const auto found = by_ranges_.find(entry.ranges); found != by_ranges_.end() && found->second == id) {
    by_ranges_.erase(found);
  }
  taken_ -= static_cast<uint32_t>(entry.ranges.size());
  entries_.erase(id);
  return absl::OkStatus();
}

bool SourceLists::Is(uint32_t id, absl::Span<const model::IpPrefix> ranges) const {
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.whole && ranges == absl::MakeConstSpan(found->second.ranges);
}

bool SourceLists::Agrees() const {
  absl::flat_hash_map<uint32_t, size_t> found;
  bool foreign = false;
  const absl::Status status = table_.ForEach([&](Bytes key_bytes, Bytes) {
    const auto key = FromBytes<shunt_source_key>(key_bytes);
    const std::optional<model::IpPrefix> range = DecodeSource(key);
    if (range && key.list == SHUNT_LIST_INSIDE) {
      foreign |= !inside_.contains(*range);
      ++found[SHUNT_LIST_INSIDE];
      return;
    }
    const auto entry = entries_.find(key.list);
    if (!range || entry == entries_.end() || !entry->second.begun ||
        !std::binary_search(entry->second.ranges.begin(), entry->second.ranges.end(), *range)) {
      foreign = true;
      return;
    }
    ++found[key.list];
  });
  if (!status.ok() || foreign || found[SHUNT_LIST_INSIDE] != inside_.size()) return false;
  return std::all_of(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return !entry.second.whole || entry.second.ranges.size() == found[entry.first];
  });
}

absl::Status SourceLists::ReadBack() {
  const absl::Status status = table_.ForEach([&](Bytes key_bytes, Bytes) {
    const auto key = FromBytes<shunt_source_key>(key_bytes);
    const std::optional<model::IpPrefix> range = DecodeSource(key);
    if (range && key.list == SHUNT_LIST_INSIDE) {
      inside_.insert(*range);
      return;
    }
    if (!range || key.list < SHUNT_LIST_FIRST) {
      foreign_.push_back(key);
      return;
    }
    entries_[key.list].ranges.push_back(*range);
    ++taken_;
  });
  for (auto& [id, entry] : entries_) {
    std::sort(entry.ranges.begin(), entry.ranges.end());
    entry.begun = entry.whole = true;
  }
  return status;
}

SourceList SourceLists::Adopt(uint32_t id) {
  if (id < SHUNT_LIST_FIRST) return {};
  Entry& entry = entries_[id];
  entry.begun = entry.whole = true;
  if (entry.references++ == 0) by_ranges_.emplace(entry.ranges, id);
  return {.id = id, .ranges = static_cast<uint32_t>(entry.ranges.size())};
}

void SourceLists::RetireUnnamed(std::vector<Retired>& retired) {
  std::vector<uint32_t> unnamed;
  for (const auto& [id, entry] : entries_) {
    if (entry.references == 0) unnamed.push_back(id);
  }
  std::sort(unnamed.begin(), unnamed.end());
  for (const uint32_t id : unnamed) retired.emplace_back(Adopt(id));
}

absl::Status SourceLists::RemoveForeign() {
  for (; !foreign_.empty(); foreign_.pop_back()) {
    if (absl::Status status = table_.Remove(BytesOf(foreign_.back())); !status.ok()) return status;
    ++repaired_;
  }
  return absl::OkStatus();
}

absl::Status SourceLists::SetInside(absl::Span<const model::IpPrefix> ranges) {
  for (const model::IpPrefix& range : ranges) {
    if (inside_.contains(range)) continue;
    const shunt_source_key key = EncodeSource(SHUNT_LIST_INSIDE, range);
    if (absl::Status status = table_.Put(BytesOf(key), BytesOf(uint32_t{0})); !status.ok()) return status;
    inside_.insert(range);
    ++repaired_;
  }
  for (auto range = inside_.begin(); range != inside_.end();) {
    if (std::find(ranges.begin(), ranges.end(), *range) != ranges.end()) {
      ++range;
      continue;
    }
    const shunt_source_key key = EncodeSource(SHUNT_LIST_INSIDE, *range);
    if (absl::Status status = table_.Remove(BytesOf(key)); !status.ok()) return status;
    range = inside_.erase(range);
    ++repaired_;
  }
  return absl::OkStatus();
}

}  // namespace shunt::datapath
