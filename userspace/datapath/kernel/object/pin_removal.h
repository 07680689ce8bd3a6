// SPDX-License-Identifier: Apache-2.0
// Removes pins, and directories of pins.
#ifndef SHUNT_DATAPATH_KERNEL_OBJECT_PIN_REMOVAL_H_
#define SHUNT_DATAPATH_KERNEL_OBJECT_PIN_REMOVAL_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace shunt::datapath {

// Returns true if `path` itself is a directory; a symbolic link to one is not.
bool IsDirectory(const std::string& path);

// Returns the paths in `directory`, sorted; empty if it cannot be read.
std::vector<std::string> PathsIn(const std::string& directory);

// Removes one pin, symbolic link or empty directory, and appends its path to `removed` unless that is null. Returns OK
// if it is gone already.
absl::Status RemoveOne(const std::string& path, std::vector<std::string>* removed);

// Removes a directory with everything in it, as RemoveOne does. Links in it are not detached first.
absl::Status RemoveAllBelow(const std::string& directory, std::vector<std::string>* removed);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_OBJECT_PIN_REMOVAL_H_
