// SPDX-License-Identifier: Apache-2.0
// An array reached by system calls: plain, or with one copy of each row per CPU.
#ifndef SHUNT_DATAPATH_KERNEL_ARRAY_TABLE_H_
#define SHUNT_DATAPATH_KERNEL_ARRAY_TABLE_H_

#include <memory>
#include <vector>

#include "userspace/datapath/kernel/bpf_table.h"

namespace shunt::datapath {

// A per-CPU array presents one row: Load adds up each 64-bit word over the CPUs. Store gives the value to
// one CPU and zero to the others, so that a Load reads it back; counts made meanwhile may be lost.
class ArrayTable final : public BpfTable {
 public:
  // `copies` of each row: 1, or the number of possible CPUs.
  ArrayTable(const MapSpec& spec, UniqueFd fd, size_t copies);
  static absl::StatusOr<std::unique_ptr<Table>> OpenPerCpu(const MapSpec& spec, UniqueFd fd);

  absl::Status Store(uint32_t index, Bytes value) override;
  absl::Status Load(uint32_t index, absl::Span<std::byte> value) const override;

 private:
  size_t stride_;  // bytes from one copy to the next
  mutable std::vector<std::byte> copies_;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ARRAY_TABLE_H_
