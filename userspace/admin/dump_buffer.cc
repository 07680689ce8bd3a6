// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/dump_buffer.h"

#include <utility>

namespace shunt::admin {

bool DumpBuffer::Add(v1::MapRow row) {
  if (sealed_bytes_ >= max_bytes_) full_ = true;
  if (full_) return false;
  open_bytes_ += row.ByteSizeLong();
  *open_.add_rows() = std::move(row);
  if (open_bytes_ >= chunk_bytes_) Seal();
  return true;
}

void DumpBuffer::Seal() {
  sealed_.push_back(open_.SerializeAsString());
  sealed_bytes_ += sealed_.back().size();
  open_.Clear();
  open_bytes_ = 0;
}

std::optional<v1::DumpMapResponse> DumpBuffer::Take() {
  if (sealed_.empty() && open_.rows_size() > 0) Seal();
  if (sealed_.empty()) return std::nullopt;
  v1::DumpMapResponse chunk;
  chunk.ParseFromString(sealed_.front());
  sealed_bytes_ -= sealed_.front().size();
  sealed_.pop_front();
  return chunk;
}

}  // namespace shunt::admin
