// SPDX-License-Identifier: Apache-2.0
// Which programs are in force, as meta says it to readers.
#ifndef SHUNT_DATAPATH_KERNEL_MAPS_FEATURES_H_
#define SHUNT_DATAPATH_KERNEL_MAPS_FEATURES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "userspace/datapath/kernel/object/pins.h"

namespace shunt::datapath {

// Stores the bits of enum shunt_feature in the memory's meta, by one store. Returns kNotFound if that has no meta, and
// kFailedPrecondition if it has another layout.
absl::Status WriteFeatures(const MapDirectory& memory, uint64_t features);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_FEATURES_H_
