// SPDX-License-Identifier: Apache-2.0
// The pinned map source_versions: see bpf/abi.h.
#ifndef SHUNT_DATAPATH_KERNEL_MAPS_SOURCE_VERSIONS_H_
#define SHUNT_DATAPATH_KERNEL_MAPS_SOURCE_VERSIONS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "userspace/datapath/kernel/maps/map_set.h"
#include "userspace/report/source_version.h"

namespace shunt::datapath {

// `resource` is an enum shunt_resource. A row that was never written, or that makes no sense, says nothing.
report::SourceVersion ReadSourceVersion(const MapSet& maps, uint32_t resource);

// kInvalidArgument: the version is longer than any API server's. Otherwise what bpf(2) says; the row is then as before.
absl::Status WriteSourceVersion(const MapSet& maps, uint32_t resource, const report::SourceVersion& version);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_SOURCE_VERSIONS_H_
