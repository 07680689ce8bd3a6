// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/array_table.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {

ArrayTable::ArrayTable(const MapSpec& spec, UniqueFd fd, size_t copies)
    : BpfTable(spec, std::move(fd)),
      stride_((static_cast<size_t>(spec.value_size) + 7) & ~size_t{7}),
      copies_(stride_ * copies) {}

absl::StatusOr<std::unique_ptr<Table>> ArrayTable::OpenPerCpu(const MapSpec& spec, UniqueFd fd) {
  int cpus = libbpf_num_possible_cpus();
  if (cpus < 0) return KernelError(cpus, absl::StrCat("map ", spec.name, ": count the possible CPUs"));
  if (spec.value_size % sizeof(uint64_t) != 0) {
    return absl::InternalError(
        absl::StrCat("map ", spec.name, ": rows of ", spec.value_size, " bytes are not 64-bit counters"));
  }
  return std::make_unique<ArrayTable>(spec, std::move(fd), static_cast<size_t>(cpus));
}

absl::Status ArrayTable::Store(uint32_t index, Bytes value) {
  if (absl::Status status = CheckRow("store", index, value.size()); !status.ok()) return status;
  std::fill(copies_.begin(), copies_.end(), std::byte{0});
  std::copy(value.begin(), value.end(), copies_.begin());
  if (int error = bpf_map_update_elem(fd(), &index, copies_.data(), BPF_ANY); error < 0) {
    return Error(error, absl::StrCat("store row ", index));
  }
  return absl::OkStatus();
}

absl::Status ArrayTable::Load(uint32_t index, absl::Span<std::byte> value) const {
  if (absl::Status status = CheckRow("load", index, value.size()); !status.ok()) return status;
  if (int error = bpf_map_lookup_elem(fd(), &index, copies_.data()); error < 0) {
    return Error(error, absl::StrCat("load row ", index));
  }
  std::memcpy(value.data(), copies_.data(), value.size());
  for (size_t copy = stride_; copy < copies_.size(); copy += stride_) {
    for (size_t at = 0; at < value.size(); at += sizeof(uint64_t)) {
      uint64_t sum, addend;
      std::memcpy(&sum, value.data() + at, sizeof(sum));
      std::memcpy(&addend, copies_.data() + copy + at, sizeof(addend));
      sum += addend;
      std::memcpy(value.data() + at, &sum, sizeof(sum));
    }
  }
  return absl::OkStatus();
}

}  // namespace shunt::datapath
