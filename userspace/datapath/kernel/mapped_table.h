// SPDX-License-Identifier: Apache-2.0
// An array that the kernel shares as memory: a row is written and read without a system call.
#ifndef SHUNT_DATAPATH_KERNEL_MAPPED_TABLE_H_
#define SHUNT_DATAPATH_KERNEL_MAPPED_TABLE_H_

#include <memory>

#include "userspace/datapath/kernel/bpf_table.h"

namespace shunt::datapath {

// Programs on any CPU read the rows at any instant, and write some. Only aligned 64-bit words are written and
// read whole.
class MappedTable final : public BpfTable {
 public:
  // Not `writable`: Store fails with kPermissionDenied.
  static absl::StatusOr<std::unique_ptr<Table>> Open(const MapSpec& spec, UniqueFd fd, bool writable);
  ~MappedTable() override;
  MappedTable(const MappedTable&) = delete;
  MappedTable& operator=(const MappedTable&) = delete;

  absl::Status Store(uint32_t index, Bytes value) override;
  absl::Status StoreWord(uint32_t index, uint32_t word, uint64_t value) override;
  absl::Status Load(uint32_t index, absl::Span<std::byte> value) const override;

 private:
  MappedTable(const MapSpec& spec, UniqueFd fd, std::byte* rows, size_t length, bool writable);
  absl::Status CheckWritable() const;
  std::byte* Row(uint32_t index) const { return rows_ + static_cast<size_t>(index) * stride_; }

  std::byte* rows_;
  size_t length_;  // bytes mapped
  size_t stride_;  // bytes from one row to the next: the kernel rounds values up to 8
  bool writable_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPPED_TABLE_H_
