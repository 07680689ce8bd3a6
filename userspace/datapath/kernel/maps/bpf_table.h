// SPDX-License-Identifier: Apache-2.0
// A map in the kernel as a Table.
#ifndef SHUNT_DATAPATH_KERNEL_MAPS_BPF_TABLE_H_
#define SHUNT_DATAPATH_KERNEL_MAPS_BPF_TABLE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/object/map_spec.h"
#include "userspace/datapath/table.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

// Returns the Table for the map behind `fd`; unless `writable`, its Store, Put and Remove fail with kPermissionDenied.
// An array that is not memory-mapped can only be read. REQUIRES: VerifyMap() has returned `spec` for the map, and `fd`
// was opened for writing if `writable`.
absl::StatusOr<std::unique_ptr<Table>> OpenTable(const MapSpec& spec, posix::FileDescriptor fd, bool writable);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_BPF_TABLE_H_
