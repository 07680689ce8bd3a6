// SPDX-License-Identifier: Apache-2.0
// Buffers what a stream answers between the thread that reads it and the client that receives it.
#ifndef SHUNT_ADMIN_DUMP_BUFFER_H_
#define SHUNT_ADMIN_DUMP_BUFFER_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include "shunt/admin/v1/admin_service.pb.h"

namespace shunt::admin {

// Items arrive as fast as maps are read and leave at the client's pace: a slow client delays only its own call. They
// are kept serialized, because a million slots as messages would take four times the memory. A Response has repeated
// items, and kAdd adds one.
template <typename Response, typename Item, Item* (Response::*kAdd)()>
class StreamBuffer {
 public:
  // A chunk ends with the item that brings it to `chunk_bytes`; none is added once `max_bytes` are buffered.
  StreamBuffer(size_t chunk_bytes, size_t max_bytes) : chunk_bytes_(chunk_bytes), max_bytes_(max_bytes) {}

  // Returns false, and drops the item, if the buffer is full.
  bool Add(Item item) {
    if (sealed_bytes_ >= max_bytes_) full_ = true;
    if (full_) return false;
    open_bytes_ += item.ByteSizeLong();
    *(open_.*kAdd)() = std::move(item);
    empty_ = false;
    if (open_bytes_ >= chunk_bytes_) Seal();
    return true;
  }
  bool full() const { return full_; }
  // Removes and returns the next chunk, oldest items first; nullopt if the buffer is empty.
  std::optional<Response> Take() {
    if (sealed_.empty() && !empty_) Seal();
    if (sealed_.empty()) return std::nullopt;
    Response chunk;
    chunk.ParseFromString(sealed_.front());
    sealed_bytes_ -= sealed_.front().size();
    sealed_.pop_front();
    return chunk;
  }

 private:
  void Seal() {
    sealed_.push_back(open_.SerializeAsString());
    sealed_bytes_ += sealed_.back().size();
    open_.Clear();
    open_bytes_ = 0;
    empty_ = true;
  }

  const size_t chunk_bytes_;
  const size_t max_bytes_;
  Response open_;
  size_t open_bytes_ = 0;
  bool empty_ = true;  // open_ has no item
  std::deque<std::string> sealed_;
  size_t sealed_bytes_ = 0;
  bool full_ = false;
};

using DumpBuffer = StreamBuffer<v1::DumpMapResponse, v1::MapRow, &v1::DumpMapResponse::add_rows>;
using FlowBuffer = StreamBuffer<v1::ListFlowsResponse, v1::Flow, &v1::ListFlowsResponse::add_flows>;

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_DUMP_BUFFER_H_
