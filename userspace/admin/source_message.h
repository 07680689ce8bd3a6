// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_ADMIN_SOURCE_MESSAGE_H_
#define SHUNT_ADMIN_SOURCE_MESSAGE_H_

#include "shunt/admin/v1/source.pb.h"
#include "userspace/report/reflector_status.h"

namespace shunt::admin {

v1::SourceState ToMessage(const report::SourceStatus& status);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_SOURCE_MESSAGE_H_
