// SPDX-License-Identifier: Apache-2.0
// The rows of a map as a table: one column per field, one line per row.
#ifndef SHUNT_TOOLS_SHUNTCTL_MAP_TABLE_H_
#define SHUNT_TOOLS_SHUNTCTL_MAP_TABLE_H_

#include <string>
#include <vector>

#include "shunt/admin/v1/map_row.pb.h"

namespace shunt::shuntctl {

// The names of the maps that can be dumped, in the order of docs/maps.md.
const std::vector<std::string>& DumpableMaps();

// Returns the table. Rows of another kind than the map's are left out. REQUIRES: `map` is one of DumpableMaps().
std::string MapTable(const std::string& map, const std::vector<admin::v1::MapRow>& rows, bool with_headers);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_MAP_TABLE_H_
