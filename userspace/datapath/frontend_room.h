// SPDX-License-Identifier: Apache-2.0
// Room for frontends and address rows: places in the index, and row ids.
#ifndef SHUNT_DATAPATH_FRONTEND_ROOM_H_
#define SHUNT_DATAPATH_FRONTEND_ROOM_H_

#include <cstdint>

#include "userspace/datapath/frontend_index.h"
#include "userspace/datapath/id_pool.h"
#include "userspace/datapath/need.h"

namespace shunt::datapath {

inline constexpr uint32_t kNoId = ~uint32_t{0};

// Not thread-safe.
class FrontendRoom {
 public:
  FrontendRoom(Table& index, uint64_t seed, uint32_t rows_max) : index_(index, seed), rows_(rows_max) {}

  // A row id; kNoId, and need.exceeded, if there is none. Counts the need either way.
  uint32_t TakeRow(Need& need) {
    ++need.frontend_rows;
    if (const auto row = rows_.Allocate()) return *row;
    need.exceeded = true;
    return kNoId;
  }
  // A place for a new key; FrontendIndex::kNoIndexSlot, and need.exceeded, if there is none.
  uint32_t TakePlace(const shunt_frontend_key& key, Need& need) {
    ++need.frontend_index;
    const uint32_t place = index_.Take(key);
    if (place == FrontendIndex::kNoIndexSlot) {
      ++need.unplaced;
      need.exceeded = true;
    }
    return place;
  }

  FrontendIndex& index() { return index_; }
  IdPool& rows() { return rows_; }
  const IdPool& rows() const { return rows_; }

 private:
  FrontendIndex index_;
  IdPool rows_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_FRONTEND_ROOM_H_
