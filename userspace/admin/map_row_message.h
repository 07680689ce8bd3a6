// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_ADMIN_MAP_ROW_MESSAGE_H_
#define SHUNT_ADMIN_MAP_ROW_MESSAGE_H_

#include "shunt/admin/v1/map_row.pb.h"
#include "userspace/report/map_rows.h"

namespace shunt::admin {

v1::MapRow ToMessage(const report::MapRow& row);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_MAP_ROW_MESSAGE_H_
