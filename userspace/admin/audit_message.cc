// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/audit_message.h"

#include "userspace/admin/address_message.h"
#include "userspace/admin/timestamp.h"
#include "userspace/admin/utf8.h"

namespace shunt::admin {

v1::AuditReport ToMessage(const report::AuditReport& report) {
  v1::AuditReport message;
  SetMilliseconds(report.time_ms, message.mutable_time());
  message.set_problem(ValidUtf8(report.problem));
  for (const model::ObjectName& service : report.services) *message.add_services() = ToMessage(service);
  message.set_shared_rows(report.shared);
  message.set_unrepaired(report.unrepaired);
  return message;
}

}  // namespace shunt::admin
