// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/scope_rows.h"

#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/codec.h"

namespace shunt::datapath {
namespace {

constexpr uint32_t kWords = sizeof(shunt_scope_filter) / sizeof(uint64_t);
constexpr uint32_t kFirstBits = offsetof(shunt_scope_filter, bits) / sizeof(uint64_t);

shunt_scope_key EncodeKey(const ScopeKey& key) {
  return {.id = key.id, .kind = static_cast<uint32_t>(key.kind), .pad = 0};
}

shunt_scope EncodeRow(const ScopeRow& row) {
  shunt_scope scope = {.origins = row.origins, .pad = 0, .name = {}};
  std::memcpy(scope.name, row.name.data(), row.name.size());
  return scope;
}

// True if programs look the key up.
bool IsAsked(const ScopeKey& key) {
  return key.kind == SHUNT_SCOPE_CGROUP || key.kind == SHUNT_SCOPE_NETNS;
}

}  // namespace

absl::Status ScopeRows::Adopt() {
  rows_.clear();
  std::vector<shunt_scope_key> foreign;
  absl::Status status = scopes_.ForEach([&](Bytes key_bytes, Bytes value_bytes) {
    const auto key = FromBytes<shunt_scope_key>(key_bytes);
    const auto scope = FromBytes<shunt_scope>(value_bytes);
    const bool known = key.kind >= SHUNT_SCOPE_CGROUP && key.kind <= SHUNT_SCOPE_KERNEL && key.pad == 0;
    if (!known || scope.origins == 0) {
      foreign.push_back(key);
      return;
    }
    rows_[{static_cast<shunt_scope_kind>(key.kind), key.id}] = {
        .origins = scope.origins, .name = std::string(scope.name, strnlen(scope.name, kScopeNameMax))};
  });
  for (const shunt_scope_key& key : foreign) status.Update(scopes_.Remove(BytesOf(key)));
  return status.ok() ? WriteFilter() : status;
}

absl::Status ScopeRows::Add(const ScopeKey& key, shunt_scope_origin origin, absl::string_view name) {
  if (name.size() > kScopeNameMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a scope's name has at most ", kScopeNameMax, " bytes, and \"", name, "\" has ", name.size()));
  }
  const auto found = rows_.find(key);
  if (found != rows_.end() && (found->second.origins & origin) != 0) return absl::OkStatus();
  if (found == rows_.end() && rows_.size() >= scopes_.capacity()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("map scopes: all ", scopes_.capacity(), " rows are in use; name a cgroup above several of them"));
  }
  ScopeRow& row = rows_[key];
  row.origins |= origin;
  if (found == rows_.end() || row.name.empty()) row.name = std::string(name);
  absl::Status status = Put(key, row);
  if (status.ok()) status = WriteFilter();
  return status;
}

absl::Status ScopeRows::Drop(const ScopeKey& key, shunt_scope_origin origin) {
  const auto found = rows_.find(key);
  if (found == rows_.end() || (found->second.origins & origin) == 0) return absl::OkStatus();
  found->second.origins &= ~static_cast<uint32_t>(origin);
  if (found->second.origins != 0) return Put(key, found->second);
  rows_.erase(found);
  absl::Status status = Remove(key);
  if (status.ok()) status = WriteFilter();
  return status;
}

absl::Status ScopeRows::Restore() {
  absl::btree_map<ScopeKey, ScopeRow> missing = rows_;
  std::vector<shunt_scope_key> foreign;
  absl::Status status = scopes_.ForEach([&](Bytes key_bytes, Bytes value_bytes) {
    const auto key = FromBytes<shunt_scope_key>(key_bytes);
    const auto scope = FromBytes<shunt_scope>(value_bytes);
    const auto wanted = missing.find({static_cast<shunt_scope_kind>(key.kind), key.id});
    if (wanted == missing.end() || key.pad != 0) {
      foreign.push_back(key);
    } else if (const shunt_scope row = EncodeRow(wanted->second); std::memcmp(&row, &scope, sizeof(row)) == 0) {
      missing.erase(wanted);
    }
  });
  for (const shunt_scope_key& key : foreign) status.Update(scopes_.Remove(BytesOf(key)));
  for (const auto& [key, row] : missing) status.Update(Put(key, row));
  status.Update(WriteFilter());
  return status;
}

absl::Status ScopeRows::Put(const ScopeKey& key, const ScopeRow& row) {
  return scopes_.Put(BytesOf(EncodeKey(key)), BytesOf(EncodeRow(row)));
}

absl::Status ScopeRows::Remove(const ScopeKey& key) {
  return scopes_.Remove(BytesOf(EncodeKey(key)));
}

// The bits before the numbers, so that a program which sees that there are rows finds each. Only words that differ are
// written.
absl::Status ScopeRows::WriteFilter() {
  shunt_scope_filter wanted = {};
  for (const auto& [key, row] : rows_) {
    if (!IsAsked(key)) continue;
    const uint32_t bit = shunt_scope_bit(key.id);
    wanted.bits[bit / 64] |= uint64_t{1} << (bit % 64);
    ++(key.kind == SHUNT_SCOPE_CGROUP ? wanted.cgroups : wanted.namespaces);
  }
  shunt_scope_filter found = {};
  if (absl::Status status = filter_.Load(0, MutableBytesOf(found)); !status.ok()) return status;
  uint64_t wanted_words[kWords], found_words[kWords];
  std::memcpy(wanted_words, &wanted, sizeof(wanted));
  std::memcpy(found_words, &found, sizeof(found));
  for (uint32_t i = 0; i < kWords; ++i) {
    const uint32_t word = (i + kFirstBits) % kWords;  // the numbers are in word 0
    if (wanted_words[word] == found_words[word]) continue;
    if (absl::Status status = filter_.StoreWord(0, word, wanted_words[word]); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace shunt::datapath
