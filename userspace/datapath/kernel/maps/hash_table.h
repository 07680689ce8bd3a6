// SPDX-License-Identifier: Apache-2.0
// A hash map, LRU or not, in batches where the kernel takes them.
#ifndef SHUNT_DATAPATH_KERNEL_MAPS_HASH_TABLE_H_
#define SHUNT_DATAPATH_KERNEL_MAPS_HASH_TABLE_H_

#include <utility>

#include "userspace/datapath/kernel/maps/bpf_table.h"

namespace shunt::datapath {

class HashTable final : public BpfTable {
 public:
  HashTable(const MapSpec& spec, UniqueFd fd) : BpfTable(spec, std::move(fd)) {}

  absl::Status Put(Bytes key, Bytes value) override;
  absl::Status PutBatch(uint32_t count, Bytes keys, Bytes values) override;
  absl::Status Remove(Bytes key) override;
  absl::Status RemoveBatch(uint32_t count, Bytes keys) override;
  absl::Status Find(Bytes key, absl::Span<std::byte> value) const override;
  // Copies rows out some thousands at a time: `visit` may change the map.
  absl::Status ForEach(const std::function<void(Bytes key, Bytes value)>& visit) const override;

 private:
  absl::Status CheckSizes(absl::string_view operation, uint32_t count, size_t keys, size_t values) const;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_HASH_TABLE_H_
