// SPDX-License-Identifier: Apache-2.0
// The rows of a table as structs of the ABI, for readers.
#ifndef SHUNT_DATAPATH_TABLE_ROWS_H_
#define SHUNT_DATAPATH_TABLE_ROWS_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/table.h"

namespace shunt::datapath {

// Loads the rows of an array one after another. `read(index, row)` returns false to end.
template <typename Row, typename Read>
absl::Status ForEachRow(const Table& table, const Read& read) {
  for (uint32_t i = 0; i < table.capacity(); ++i) {
    Row row = {};
    if (absl::Status status = table.Load(i, MutableBytesOf(row)); !status.ok()) return status;
    if (!read(i, row)) break;
  }
  return absl::OkStatus();
}

// Collects a hash, because its rows come in no order and cannot be left early.
template <typename Key, typename Value>
absl::StatusOr<std::vector<std::pair<Key, Value>>> Collect(const Table& table) {
  std::vector<std::pair<Key, Value>> rows;
  absl::Status status =
      table.ForEach([&](Bytes key, Bytes value) { rows.emplace_back(FromBytes<Key>(key), FromBytes<Value>(value)); });
  if (!status.ok()) return status;
  return rows;
}

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_TABLE_ROWS_H_
