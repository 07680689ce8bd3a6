// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/hash_table.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace shunt::datapath {
namespace {

// Rows read at a time. A bucket is read whole, so the buffer grows if one is longer.
constexpr uint32_t kRowsPerRead = 4096;

}  // namespace

absl::Status HashTable::ForEach(const std::function<void(Bytes key, Bytes value)>& visit) const {
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  uint32_t rows = std::min(capacity(), kRowsPerRead);
  std::vector<std::byte> keys(size_t{rows} * key_size());
  std::vector<std::byte> values(size_t{rows} * value_size());
  __u32 at = 0, next = 0;  // the bucket to go on from
  bool first = true;
  for (;;) {
    __u32 count = rows;
    int error = bpf_map_lookup_batch(fd(), first ? nullptr : &at, &next, keys.data(), values.data(), &count, &options);
    if (error == -ENOSPC) {
      rows *= 2;
      keys.resize(size_t{rows} * key_size());
      values.resize(size_t{rows} * value_size());
      continue;
    }
    if (error < 0 && error != -ENOENT) return Error(error, "read rows");
    for (uint32_t row = 0; row < count; ++row) {
      visit(Bytes(keys).subspan(size_t{row} * key_size(), key_size()),
            Bytes(values).subspan(size_t{row} * value_size(), value_size()));
    }
    if (error == -ENOENT) return absl::OkStatus();
    at = next;
    first = false;
  }
}

}  // namespace shunt::datapath
