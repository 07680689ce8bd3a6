// SPDX-License-Identifier: Apache-2.0
// Buffers a map's rows between the thread that reads them and the client that receives them.
#ifndef SHUNT_ADMIN_DUMP_BUFFER_H_
#define SHUNT_ADMIN_DUMP_BUFFER_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "shunt/admin/v1/admin_service.pb.h"

namespace shunt::admin {

// Rows arrive as fast as the map is read and leave at the client's pace: a slow client delays only its own call. They
// are kept serialized, because a million slots as messages would take four times the memory.
class DumpBuffer {
 public:
  // A chunk ends with the row that brings it to `chunk_bytes`; no row is added once `max_bytes` are buffered.
  DumpBuffer(size_t chunk_bytes, size_t max_bytes) : chunk_bytes_(chunk_bytes), max_bytes_(max_bytes) {}

  // Returns false, and drops the row, if the buffer is full.
  bool Add(v1::MapRow row);
  bool full() const { return full_; }
  // Removes and returns the next chunk, oldest rows first; nullopt if the buffer is empty.
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
