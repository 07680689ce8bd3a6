// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/mapped_table.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace shunt::datapath {
namespace {

size_t Stride(uint32_t value_size) {
  return (static_cast<size_t>(value_size) + 7) & ~size_t{7};
}

}  // namespace

MappedTable::MappedTable(const MapSpec& spec, UniqueFd fd, bool writable)
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
  // Rows of one word can be read by programs at any time (bitmaps, counters): no half of one is ever seen.
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
  // Release: whoever reads this word reads everything stored before it.
  __atomic_store_n(reinterpret_cast<uint64_t*>(Row(index) + offset), value, __ATOMIC_RELEASE);
  return absl::OkStatus();
}

absl::Status MappedTable::Load(uint32_t index, absl::Span<std::byte> value) const {
  if (absl::Status status = CheckRow("load", index, value.size()); !status.ok()) return status;
  if (absl::Status status = Map(); !status.ok()) return status;
  const std::byte* row = Row(index);
  size_t at = 0;
  // Word by word, so that no half of a published word is seen.
  for (; at + sizeof(uint64_t) <= value.size(); at += sizeof(uint64_t)) {
    uint64_t word = __atomic_load_n(reinterpret_cast<const uint64_t*>(row + at), __ATOMIC_ACQUIRE);
    std::memcpy(value.data() + at, &word, sizeof(word));
  }
  std::memcpy(value.data() + at, row + at, value.size() - at);
  return absl::OkStatus();
}

}  // namespace shunt::datapath
