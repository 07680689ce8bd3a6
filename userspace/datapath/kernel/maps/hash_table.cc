// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/hash_table.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"

namespace shunt::datapath {
namespace {

// Rows read at a time. A bucket is read whole, so the buffer grows if one is longer.
constexpr uint32_t kRowsPerRead = 4096;

}  // namespace

absl::Status HashTable::CheckSizes(absl::string_view operation, uint32_t count, size_t keys, size_t values) const {
  if (keys == size_t{count} * key_size() && values == size_t{count} * value_size()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("map ", name(), ": ", operation, " ", count, " rows: ", keys,
                                          " bytes of keys and ", values, " of values, rows have ", key_size(), " and ",
                                          value_size()));
}

absl::Status HashTable::Put(Bytes key, Bytes value) {
  if (absl::Status status = CheckSizes("put", 1, key.size(), value.size()); !status.ok()) return status;
  if (int error = bpf_map_update_elem(fd(), key.data(), value.data(), BPF_ANY); error < 0) {
    return Error(error, absl::StrCat("put a row (limit ", capacity(), ")"));
  }
  return absl::OkStatus();
}

absl::Status HashTable::PutBatch(uint32_t count, Bytes keys, Bytes values) {
  if (absl::Status status = CheckSizes("put", count, keys.size(), values.size()); !status.ok()) return status;
  if (count == 0) return absl::OkStatus();
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  __u32 done = count;
  if (bpf_map_update_batch(fd(), keys.data(), values.data(), &done, &options) == 0) return absl::OkStatus();
  // One by one from where it stopped (from the start if the kernel has no batches): whatever is wrong with a
  // row is then that row's own error.
  if (done >= count) done = 0;
  for (uint32_t row = done; row < count; ++row) {
    absl::Status status = Put(keys.subspan(size_t{row} * key_size(), key_size()),
                              values.subspan(size_t{row} * value_size(), value_size()));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status HashTable::Remove(Bytes key) {
  if (absl::Status status = CheckSizes("remove", 1, key.size(), value_size()); !status.ok()) return status;
  int error = bpf_map_delete_elem(fd(), key.data());
  if (error < 0 && error != -ENOENT) return Error(error, "remove a row");
  return absl::OkStatus();
}

absl::Status HashTable::RemoveBatch(uint32_t count, Bytes keys) {
  if (absl::Status status = CheckSizes("remove", count, keys.size(), size_t{count} * value_size()); !status.ok()) {
    return status;
  }
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  for (uint32_t row = 0; row < count;) {
    __u32 done = count - row;
    Bytes rest = keys.subspan(size_t{row} * key_size());
    int error = bpf_map_delete_batch(fd(), rest.data(), &done, &options);
    if (error == 0) return absl::OkStatus();
    if (done >= count - row) done = 0;  // refused before the first row
    row += done;
    // The row it stopped at: not there, which is as good as removed, or an error to be told exactly.
    if (absl::Status status = Remove(keys.subspan(size_t{row} * key_size(), key_size())); !status.ok()) return status;
    ++row;
  }
  return absl::OkStatus();
}

absl::Status HashTable::Find(Bytes key, absl::Span<std::byte> value) const {
  if (absl::Status status = CheckSizes("find", 1, key.size(), value.size()); !status.ok()) return status;
  if (int error = bpf_map_lookup_elem(fd(), key.data(), value.data()); error < 0) return Error(error, "find a row");
  return absl::OkStatus();
}

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
