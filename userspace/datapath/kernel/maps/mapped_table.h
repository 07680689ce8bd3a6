// SPDX-License-Identifier: Apache-2.0
// An array that the kernel shares as memory: a row is written and read without a system call.
#ifndef SHUNT_DATAPATH_KERNEL_MAPS_MAPPED_TABLE_H_
#define SHUNT_DATAPATH_KERNEL_MAPS_MAPPED_TABLE_H_

#include <memory>

#include "userspace/datapath/kernel/maps/bpf_table.h"

namespace shunt::datapath {

// Programs on any CPU read the rows at any instant, and write some. Only aligned 64-bit words are written and
// read whole. Mapped at the first use: what is mapped counts as resident, all of it, and nobody uses every map.
class MappedTable final : public BpfTable {
 public:
  // Not `writable`: Store fails with kPermissionDenied.
  MappedTable(const MapSpec& spec, UniqueFd fd, bool writable);
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

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_MAPPED_TABLE_H_
