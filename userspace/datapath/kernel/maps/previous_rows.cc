// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/previous_rows.h"

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "bpf/abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/table.h"

namespace shunt::datapath {
namespace {

// The kernel gives no id twice before it has given 2^31 of them, so this names the map for as long as it exists.
absl::StatusOr<uint64_t> IdOfPrevious(const MapSet& maps) {
  absl::StatusOr<bpf_map_info> facts = DescribeMap(maps.Fd("previous_taken"), "previous_taken");
  if (!facts.ok()) return facts.status();
  return facts->id;
}

}  // namespace

absl::Status MakeRowsPrevious(MapSet& maps) {
  if (absl::Status status = maps.Rename("socket_state", "previous_state"); !status.ok()) return status;
  return maps.Rename("socket_taken", "previous_taken");
}

absl::StatusOr<bool> PreviousRowsAreOpen(const MapSet& maps) {
  if (!maps.HasPreviousRows()) return false;
  absl::StatusOr<uint64_t> id = IdOfPrevious(maps);
  if (!id.ok()) return id.status();
  const absl::StatusOr<shunt_meta> meta = maps.ReadMeta();
  if (!meta.ok()) return meta.status();
  return meta->previous_closed != *id;
}

absl::Status ClosePreviousRows(const MapSet& maps) {
  absl::StatusOr<uint64_t> id = IdOfPrevious(maps);
  if (!id.ok()) return id.status();
  absl::StatusOr<std::unique_ptr<Table>> table = maps.OpenTable("meta");
  if (!table.ok()) return table.status();
  return (*table)->StoreWord(0, offsetof(shunt_meta, previous_closed) / sizeof(uint64_t), *id);
}

absl::StatusOr<bool> PreviousRowsAreDone(const MapSet& maps) {
  absl::StatusOr<bool> open = PreviousRowsAreOpen(maps);
  if (!open.ok()) return open.status();
  if (*open) return false;
  absl::StatusOr<std::unique_ptr<Table>> taken = maps.OpenTable("previous_taken");
  if (!taken.ok()) return taken.status();
  for (uint32_t word = 0; word < (*taken)->capacity(); ++word) {
    uint64_t bits = 0;
    if (absl::Status status = (*taken)->Load(word, MutableBytesOf(bits)); !status.ok()) return status;
    if (bits != 0) return false;
  }
  return true;
}

}  // namespace shunt::datapath
