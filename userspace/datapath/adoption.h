// SPDX-License-Identifier: Apache-2.0
// Taking over what an earlier agent has left in the tables.
#ifndef SHUNT_DATAPATH_ADOPTION_H_
#define SHUNT_DATAPATH_ADOPTION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "userspace/datapath/inventory.h"

namespace shunt::datapath {

// Reads all tables into an inventory. Writes nothing. Everything that a program can still reach keeps its ids;
// whatever is marked used and cannot be reached goes into the quarantine, to be marked free; entries of the
// index that lead nowhere are noted as foreign, to be removed. Rows that make no sense are never followed.
// If there was anything, waits for a grace period, or goes on without if none can be had.
// Errors: a table that cannot be read, or is not laid out as bpf/abi.h says.
absl::StatusOr<std::unique_ptr<Inventory>> Adopt(std::shared_ptr<Tables> shared_tables, GracePeriod& grace);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_ADOPTION_H_
