// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/maps/features.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "userspace/datapath/kernel/maps/bpf_table.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/kernel/object/map_spec.h"
#include "userspace/datapath/table.h"

namespace shunt::datapath {

absl::Status WriteFeatures(const MapDirectory& memory, uint64_t features) {
  if (memory.version != SHUNT_MEMORY_VERSION) {
    return absl::FailedPreconditionError(absl::StrCat(memory.path, " has another layout"));
  }
  absl::StatusOr<BpfObject> layout = BpfObject::OpenBuiltIn();
  if (!layout.ok()) return layout.status();
  for (const MapSpec& spec : layout->Maps()) {
    if (spec.name != "meta") continue;
    absl::StatusOr<posix::FileDescriptor> fd = OpenPin(memory.MapPath(spec.name), BpfKind::kMap);
    if (!fd.ok()) return fd.status();
    absl::StatusOr<MapSpec> found = VerifyMap(fd->get(), spec);
    if (!found.ok()) return found.status();
    absl::StatusOr<std::unique_ptr<Table>> table = OpenTable(*found, *std::move(fd), true);
    if (!table.ok()) return table.status();
    return (*table)->StoreWord(0, offsetof(shunt_meta, features) / sizeof(uint64_t), features);
  }
  return absl::InternalError("the BPF object has no map meta");
}

}  // namespace shunt::datapath
