// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/bpf_table.h"

#include <linux/bpf.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/kernel_error.h"
#include "userspace/datapath/kernel/maps/hash_table.h"
#include "userspace/datapath/kernel/maps/mapped_table.h"

namespace shunt::datapath {

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
absl::Status BpfTable::ForEach(const std::function<void(Bytes, Bytes)>&) const {
  return NoSuchOperation("visit");
}

absl::StatusOr<std::unique_ptr<Table>> OpenTable(const MapSpec& spec, UniqueFd fd, bool writable) {
  switch (spec.type) {
    case BPF_MAP_TYPE_ARRAY:
      return std::make_unique<MappedTable>(spec, std::move(fd), writable);
    case BPF_MAP_TYPE_HASH:
    case BPF_MAP_TYPE_LRU_HASH:
      return std::make_unique<HashTable>(spec, std::move(fd));
    default:
      return absl::InternalError(absl::StrCat("map ", spec.name, ": no table for type ", MapTypeName(spec.type)));
  }
}

}  // namespace shunt::datapath
