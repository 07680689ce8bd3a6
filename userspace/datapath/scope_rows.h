// SPDX-License-Identifier: Apache-2.0
// The maps scopes and scope_filter: which cgroups and network namespaces are bypassed, and why each is.
#ifndef SHUNT_DATAPATH_SCOPE_ROWS_H_
#define SHUNT_DATAPATH_SCOPE_ROWS_H_

#include <compare>
#include <cstdint>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bpf/scope_abi.h"
#include "userspace/datapath/table.h"

namespace shunt::datapath {

struct ScopeKey {
  shunt_scope_kind kind = SHUNT_SCOPE_CGROUP;
  uint64_t id = 0;

  friend auto operator<=>(const ScopeKey&, const ScopeKey&) = default;
};

struct ScopeRow {
  uint32_t origins = 0;  // bits of enum shunt_scope_origin
  std::string name;
};

// The longest name, in bytes.
inline constexpr size_t kScopeNameMax = sizeof(shunt_scope::name) - 1;

// Keeps the filter so that no program misses a row: its bit is set before the numbers say that there is one, and is
// clear only when no row needs it. After an error rows() still says what is wanted, and Restore tries again. Not
// thread-safe.
class ScopeRows {
 public:
  // The tables must outlive this.
  ScopeRows(Table& scopes, Table& filter) : scopes_(scopes), filter_(filter) {}

  // Takes the rows that the map has for this object's own, and makes the filter fit them. To be called before the
  // others.
  absl::Status Adopt();

  // Adds `origin` to the row of `key`, which is made if it is missing. Returns kResourceExhausted if the map is full,
  // and kInvalidArgument if the name is too long.
  absl::Status Add(const ScopeKey& key, shunt_scope_origin origin, absl::string_view name);
  // Takes `origin` from the row of `key`, and with the last origin the row.
  absl::Status Drop(const ScopeKey& key, shunt_scope_origin origin);

  // Makes both maps hold what rows() says, whatever another process has done to them.
  absl::Status Restore();

  const absl::btree_map<ScopeKey, ScopeRow>& rows() const { return rows_; }

 private:
  absl::Status Put(const ScopeKey& key, const ScopeRow& row);
  absl::Status Remove(const ScopeKey& key);
  absl::Status WriteFilter();

  Table& scopes_;
  Table& filter_;
  absl::btree_map<ScopeKey, ScopeRow> rows_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_SCOPE_ROWS_H_
