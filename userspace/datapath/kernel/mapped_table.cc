// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/mapped_table.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

size_t Stride(uint32_t value_size) {
  return (static_cast<size_t>(value_size) + 7) & ~size_t{7};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Table>> MappedTable::Open(const MapSpec& spec, UniqueFd fd, bool writable) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t bytes = Stride(spec.value_size) * spec.max_entries;
  const size_t length = (bytes + page - 1) / page * page;
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  void* rows = mmap(nullptr, length, protection, MAP_SHARED, fd.get(), 0);
  if (rows == MAP_FAILED) {
    return KernelError(errno, absl::StrCat("map ", spec.name, ": mmap ", length, " bytes"));
  }
  return std::unique_ptr<Table>(new MappedTable(spec, std::move(fd), static_cast<std::byte*>(rows), length, writable));
}

MappedTable::MappedTable(const MapSpec& spec, UniqueFd fd, std::byte* rows, size_t length, bool writable)
    : BpfTable(spec, std::move(fd)),
      rows_(rows),
      length_(length),
      stride_(Stride(spec.value_size)),
      writable_(writable) {}

MappedTable::~MappedTable() {
  munmap(rows_, length_);
}

absl::Status MappedTable::Store(uint32_t index, Bytes value) {
  if (absl::Status status = CheckRow("store", index, value.size()); !status.ok()) return status;
  if (!writable_) return Error(EACCES, absl::StrCat("store row ", index, ": opened for reading"));
  if (value.size() == sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, value.data(), sizeof(word));
    // Release: whoever reads this word reads everything stored before it.
    __atomic_store_n(reinterpret_cast<uint64_t*>(Row(index)), word, __ATOMIC_RELEASE);
    return absl::OkStatus();
  }
  std::memcpy(Row(index), value.data(), value.size());
  return absl::OkStatus();
}

absl::Status MappedTable::Load(uint32_t index, absl::Span<std::byte> value) const {
  if (absl::Status status = CheckRow("load", index, value.size()); !status.ok()) return status;
  if (value.size() == sizeof(uint64_t)) {
    uint64_t word = __atomic_load_n(reinterpret_cast<const uint64_t*>(Row(index)), __ATOMIC_ACQUIRE);
    std::memcpy(value.data(), &word, sizeof(word));
    return absl::OkStatus();
  }
  std::memcpy(value.data(), Row(index), value.size());
  return absl::OkStatus();
}

}  // namespace shunt::datapath
