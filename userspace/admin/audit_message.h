// SPDX-License-Identifier: Apache-2.0
#ifndef SHUNT_ADMIN_AUDIT_MESSAGE_H_
#define SHUNT_ADMIN_AUDIT_MESSAGE_H_

#include "shunt/admin/v1/audit.pb.h"
#include "userspace/report/audit_report.h"

namespace shunt::admin {

v1::AuditReport ToMessage(const report::AuditReport& report);

}  // namespace shunt::admin

#endif  // SHUNT_ADMIN_AUDIT_MESSAGE_H_
