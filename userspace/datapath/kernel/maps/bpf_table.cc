// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/bpf_table.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

// What all kinds of maps share. An operation that a kind does not have fails with kInternal.
class BpfTable : public Table {
 public:
  BpfTable(const MapSpec& spec, posix::FileDescriptor fd) : spec_(spec), fd_(std::move(fd)) {}

  absl::string_view name() const override { return spec_.name; }
  uint32_t key_size() const override { return spec_.key_size; }
  uint32_t value_size() const override { return spec_.value_size; }
  uint32_t capacity() const override { return spec_.max_entries; }

  absl::Status Store(uint32_t index, Bytes value) override;
  absl::Status StoreWord(uint32_t index, uint32_t word, uint64_t value) override;
  absl::Status Load(uint32_t index, absl::Span<std::byte> value) const override;
  absl::Status Put(Bytes key, Bytes value) override;
  absl::Status Remove(Bytes key) override;
  absl::Status ForEach(const std::function<void(Bytes key, Bytes value)>& visit) const override;

 protected:
  int fd() const { return fd_.get(); }
  absl::Status Error(int error, absl::string_view operation) const;
  absl::Status NoSuchOperation(absl::string_view operation) const;
  // Returns kInternal unless `index` is a row and `size` the size of a row: the caller has a bug.
  absl::Status CheckRow(absl::string_view operation, uint32_t index, size_t size) const;

 private:
  MapSpec spec_;
  posix::FileDescriptor fd_;
};

// An array whose memory the kernel shares: a row is written and read without a system call. Programs on any CPU read
// the rows at any instant, and write some; only aligned 64-bit words are written and read whole. The map is mapped at
// its first use, because mapped memory counts as resident and no process uses every map.
class MappedTable final : public BpfTable {
 public:
  // Unless `writable`, Store fails with kPermissionDenied.
  MappedTable(const MapSpec& spec, posix::FileDescriptor fd, bool writable);
  ~MappedTable() override;
  MappedTable(const MappedTable&) = delete;
  MappedTable& operator=(const MappedTable&) = delete;

  absl::Status Store(uint32_t index, Bytes value) override;
  absl::Status StoreWord(uint32_t index, uint32_t word, uint64_t value) override;
  absl::Status Load(uint32_t index, absl::Span<std::byte> value) const override;

 private:
  absl::Status Map() const;
  absl::Status MapForWriting() const;
  std::byte* Row(uint32_t index) const { return rows_ + static_cast<size_t>(index) * stride_; }

  mutable std::byte* rows_ = nullptr;  // null: not mapped yet
  mutable size_t length_ = 0;          // bytes mapped
  const size_t stride_;                // bytes from one row to the next: the kernel rounds values up to 8
  const bool writable_;
};

// An array that is not mapped, for readers: a system call reads a row as a whole.
class PlainTable final : public BpfTable {
 public:
  PlainTable(const MapSpec& spec, posix::FileDescriptor fd) : BpfTable(spec, std::move(fd)) {}

  absl::Status Load(uint32_t index, absl::Span<std::byte> value) const override;
};

// A hash map, LRU or not, or an LPM trie: read in batches, written by one system call a row.
class HashTable final : public BpfTable {
 public:
  // Unless `writable`, Put and Remove fail with kPermissionDenied.
  HashTable(const MapSpec& spec, posix::FileDescriptor fd, bool writable)
      : BpfTable(spec, std::move(fd)), writable_(writable) {}

  absl::Status Put(Bytes key, Bytes value) override;
  absl::Status Remove(Bytes key) override;
  // Copies some thousands of rows out at a time, so `visit` may change the map.
  absl::Status ForEach(const std::function<void(Bytes key, Bytes value)>& visit) const override;

 private:
  absl::Status CheckWrite(absl::string_view operation, size_t key, size_t value) const;

  const bool writable_;
};

absl::Status BpfTable::Error(int error, absl::string_view operation) const {
  return KernelError(error, absl::StrCat("map ", spec_.name, ": ", operation));
}

absl::Status BpfTable::NoSuchOperation(absl::string_view operation) const {
  return absl::InternalError(
      absl::StrCat("map ", spec_.name, ": ", operation, ": not for a map of type ", MapTypeName(spec_.type)));
}

absl::Status BpfTable::CheckRow(absl::string_view operation, uint32_t index, size_t size) const {
  if (index < spec_.max_entries && size == spec_.value_size) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("map ", spec_.name, ": ", operation, " row ", index, ", ", size,
                                          " bytes: it has ", spec_.max_entries, " rows of ", spec_.value_size));
}

absl::Status BpfTable::Store(uint32_t, Bytes) {
  return NoSuchOperation("store");
}
absl::Status BpfTable::StoreWord(uint32_t, uint32_t, uint64_t) {
  return NoSuchOperation("store");
}
absl::Status BpfTable::Load(uint32_t, absl::Span<std::byte>) const {
  return NoSuchOperation("load");
}
absl::Status BpfTable::Put(Bytes, Bytes) {
  return NoSuchOperation("put");
}
absl::Status BpfTable::Remove(Bytes) {
  return NoSuchOperation("remove");
}
absl::Status BpfTable::ForEach(const std::function<void(Bytes, Bytes)>&) const {
  return NoSuchOperation("visit");
}

size_t Stride(uint32_t value_size) {
  return (static_cast<size_t>(value_size) + 7) & ~size_t{7};
}

MappedTable::MappedTable(const MapSpec& spec, posix::FileDescriptor fd, bool writable)
    : BpfTable(spec, std::move(fd)), stride_(Stride(spec.value_size)), writable_(writable) {}

MappedTable::~MappedTable() {
  if (rows_ != nullptr) munmap(rows_, length_);
}

absl::Status MappedTable::Map() const {
  if (rows_ != nullptr) return absl::OkStatus();
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t length = (stride_ * capacity() + page - 1) / page * page;
  const int protection = writable_ ? PROT_READ | PROT_WRITE : PROT_READ;
  void* rows = mmap(nullptr, length, protection, MAP_SHARED, fd(), 0);
  if (rows == MAP_FAILED) return Error(errno, absl::StrCat("mmap ", length, " bytes"));
  rows_ = static_cast<std::byte*>(rows);
  length_ = length;
  return absl::OkStatus();
}

absl::Status MappedTable::MapForWriting() const {
  return writable_ ? Map() : Error(EACCES, "store: opened for reading");
}

absl::Status MappedTable::Store(uint32_t index, Bytes value) {
  if (absl::Status status = MapForWriting(); !status.ok()) return status;
  if (absl::Status status = CheckRow("store", index, value.size()); !status.ok()) return status;
  // Programs may read rows of one word (bitmaps, counters) at any time, so those are written whole.
  if (value.size() == sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, value.data(), sizeof(word));
    return StoreWord(index, 0, word);
  }
  std::memcpy(Row(index), value.data(), value.size());
  return absl::OkStatus();
}

absl::Status MappedTable::StoreWord(uint32_t index, uint32_t word, uint64_t value) {
  if (absl::Status status = MapForWriting(); !status.ok()) return status;
  if (absl::Status status = CheckRow("store a word of", index, value_size()); !status.ok()) return status;
  const size_t offset = size_t{word} * sizeof(value);
  if (offset + sizeof(value) > value_size()) {
    return absl::InternalError(
        absl::StrCat("map ", name(), ": store word ", word, ": rows have ", value_size(), " bytes"));
  }
  // Release: a reader of this word sees everything that was stored before it.
  __atomic_store_n(reinterpret_cast<uint64_t*>(Row(index) + offset), value, __ATOMIC_RELEASE);
  return absl::OkStatus();
}

absl::Status MappedTable::Load(uint32_t index, absl::Span<std::byte> value) const {
  if (absl::Status status = CheckRow("load", index, value.size()); !status.ok()) return status;
  if (absl::Status status = Map(); !status.ok()) return status;
  const std::byte* row = Row(index);
  size_t at = 0;
  // Word by word, so that a published word is read whole.
  for (; at + sizeof(uint64_t) <= value.size(); at += sizeof(uint64_t)) {
    uint64_t word = __atomic_load_n(reinterpret_cast<const uint64_t*>(row + at), __ATOMIC_ACQUIRE);
    std::memcpy(value.data() + at, &word, sizeof(word));
  }
  std::memcpy(value.data() + at, row + at, value.size() - at);
  return absl::OkStatus();
}

absl::Status PlainTable::Load(uint32_t index, absl::Span<std::byte> value) const {
  if (absl::Status status = CheckRow("load", index, value.size()); !status.ok()) return status;
  // The kernel copies as many bytes as it has a row, which it rounds up.
  std::vector<std::byte> row(Stride(value_size()));
  if (const int error = bpf_map_lookup_elem(fd(), &index, row.data()); error < 0) return Error(error, "load");
  std::memcpy(value.data(), row.data(), value.size());
  return absl::OkStatus();
}

absl::Status HashTable::CheckWrite(absl::string_view operation, size_t key, size_t value) const {
  if (!writable_) return Error(EACCES, absl::StrCat(operation, ": opened for reading"));
  if (key == key_size() && value == value_size()) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("map ", name(), ": ", operation, " ", key, " and ", value,
                                          " bytes: its keys have ", key_size(), ", its rows ", value_size()));
}

absl::Status HashTable::Put(Bytes key, Bytes value) {
  if (absl::Status status = CheckWrite("put", key.size(), value.size()); !status.ok()) return status;
  const int error = bpf_map_update_elem(fd(), key.data(), value.data(), BPF_ANY);
  return error < 0 ? Error(error, "put") : absl::OkStatus();
}

absl::Status HashTable::Remove(Bytes key) {
  if (absl::Status status = CheckWrite("remove", key.size(), value_size()); !status.ok()) return status;
  const int error = bpf_map_delete_elem(fd(), key.data());
  return error < 0 && error != -ENOENT ? Error(error, "remove") : absl::OkStatus();
}

// Rows read at a time. A bucket is read whole, so the buffer grows if a bucket has more.
constexpr uint32_t kRowsPerRead = 4096;

absl::Status HashTable::ForEach(const std::function<void(Bytes key, Bytes value)>& visit) const {
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  uint32_t rows = std::min(capacity(), kRowsPerRead);
  std::vector<std::byte> keys(size_t{rows} * key_size());
  std::vector<std::byte> values(size_t{rows} * value_size());
  // Where to go on: the number of a bucket, or in an LPM trie the last key.
  std::vector<std::byte> at(std::max<size_t>(key_size(), sizeof(__u32))), next(at.size());
  bool first = true;
  for (;;) {
    __u32 count = rows;
    int error = bpf_map_lookup_batch(fd(), first ? nullptr : at.data(), next.data(), keys.data(), values.data(), &count,
                                     &options);
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
    at.swap(next);
    first = false;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Table>> OpenTable(const MapSpec& spec, posix::FileDescriptor fd, bool writable) {
  switch (spec.type) {
    case BPF_MAP_TYPE_ARRAY:
      if ((spec.flags & BPF_F_MMAPABLE) == 0) return std::make_unique<PlainTable>(spec, std::move(fd));
      return std::make_unique<MappedTable>(spec, std::move(fd), writable);
    case BPF_MAP_TYPE_HASH:
    case BPF_MAP_TYPE_LRU_HASH:
    case BPF_MAP_TYPE_LPM_TRIE:
      return std::make_unique<HashTable>(spec, std::move(fd), writable);
    default:
      return absl::InternalError(absl::StrCat("map ", spec.name, ": no table for type ", MapTypeName(spec.type)));
  }
}

}  // namespace shunt::datapath
