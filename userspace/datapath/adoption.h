// SPDX-License-Identifier: Apache-2.0
// Takes over what an earlier agent has left in the tables.
#ifndef SHUNT_DATAPATH_ADOPTION_H_
#define SHUNT_DATAPATH_ADOPTION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "userspace/datapath/grace.h"
#include "userspace/datapath/inventory.h"
#include "userspace/datapath/tables.h"

namespace shunt::datapath {

// Reads all tables into an inventory. Writes nothing.
//  - What a program can still reach keeps its ids.
//  - What is marked as used and cannot be reached is retired, to be marked as free.
//  - Entries of the index that lead nowhere are noted as foreign, to be removed. Invalid rows are ignored.
// If the tables hold anything, waits for a grace period; continues without one if there are none on this host.
// Returns an error if a table cannot be read or is not laid out as bpf/abi.h says.
absl::StatusOr<std::unique_ptr<Inventory>> Adopt(std::shared_ptr<Tables> shared_tables, GracePeriod& grace);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_ADOPTION_H_
