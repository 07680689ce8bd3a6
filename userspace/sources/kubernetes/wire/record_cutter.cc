// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/wire/record_cutter.h"

namespace shunt::sources::kubernetes {
namespace {

// What a large record has left behind goes; a watch may live for long.
constexpr size_t kIdleBytesMax = 64 << 10;

}  // namespace

absl::Status CutRecords(std::string& partial, absl::string_view piece, CutRecord cut) {
  const bool held = !partial.empty();
  if (held) partial.append(piece.data(), piece.size());
  absl::string_view rest = held ? absl::string_view(partial) : piece;
  while (!rest.empty()) {
    const absl::StatusOr<size_t> size = cut(rest);
    if (!size.ok()) return size.status();
    if (*size == 0) break;
    rest.remove_prefix(*size);
  }
  if (held) {
    partial.erase(0, partial.size() - rest.size());
  } else {
    partial.assign(rest.data(), rest.size());
  }
  if (partial.empty() && partial.capacity() > kIdleBytesMax) partial.shrink_to_fit();
  return absl::OkStatus();
}

}  // namespace shunt::sources::kubernetes
