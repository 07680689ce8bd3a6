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

  // Copies rows out some thousands at a time: `visit` may change the map.
  absl::Status ForEach(const std::function<void(Bytes key, Bytes value)>& visit) const override;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_HASH_TABLE_H_
