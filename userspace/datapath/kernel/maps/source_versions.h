// SPDX-License-Identifier: Apache-2.0
// The pinned map source_versions (bpf/abi.h).
#ifndef SHUNT_DATAPATH_KERNEL_MAPS_SOURCE_VERSIONS_H_
#define SHUNT_DATAPATH_KERNEL_MAPS_SOURCE_VERSIONS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/report/source_version.h"

namespace shunt::datapath {

// `resource` is an enum shunt_resource. Returns an empty version if the row was never written or is invalid.
report::SourceVersion ReadSourceVersion(const MapSet& maps, uint32_t resource);

// Returns kInvalidArgument if the version is longer than any API server's, otherwise the error of bpf(2). After an
// error the row is as before.
absl::Status WriteSourceVersion(const MapSet& maps, uint32_t resource, const report::SourceVersion& version);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_SOURCE_VERSIONS_H_
