// SPDX-License-Identifier: Apache-2.0
// A map's rows between the loop that reads them and the client that takes them.
#ifndef SHUNT_ADMIN_DUMP_BUFFER_H_
#define SHUNT_ADMIN_DUMP_BUFFER_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "shunt/admin/v1/admin_service.pb.h"

namespace shunt::admin {

// Rows come at the loop's pace and leave at the client's: a slow client holds up its own thread and this buffer,
// never the loop. Kept serialized, because a million slots as messages would take four times the memory.
class DumpBuffer {
 public:
  // A chunk ends with the row that brings it to `chunk_bytes`; no row is added beyond `max_bytes`.
  DumpBuffer(size_t chunk_bytes, size_t max_bytes) : chunk_bytes_(chunk_bytes), max_bytes_(max_bytes) {}

  // False: the buffer is full and the row was not taken.
  bool Add(v1::MapRow row);
  bool full() const { return full_; }
  // The next chunk, oldest rows first; nullopt: there are no more.
  std::optional<v1::DumpMapResponse> Take();

 private:
  void Seal();

  const size_t chunk_bytes_;
  const size_t max_bytes_;
  v1::DumpMapResponse open_;
  size_t open_bytes_ = 0;
  std::deque<std::string> sealed_;
  size_t sealed_bytes_ = 0;
  bool full_ = false;
};

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_DUMP_BUFFER_H_
