// SPDX-License-Identifier: Apache-2.0
// The result of comparing the kernel's maps with the whole plan.
#ifndef SHUNT_REPORT_AUDIT_REPORT_H_
#define SHUNT_REPORT_AUDIT_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "userspace/model/names.h"

namespace shunt::report {

struct AuditReport {
  int64_t time_ms = 0;                      // since 1970; 0 before the first audit
  std::string problem;                      // why it could not be made; empty if it was
  std::vector<model::ObjectName> services;  // the Services whose rows differed from their plan, in name order
  uint32_t shared = 0;                      // rows that differed and belong to no single Service
  uint32_t unrepaired = 0;                  // of `services`: those that could not be repaired and are tried again
  // Programs put back at their hooks since the audit before, because another process had detached or replaced them.
  std::vector<std::string> hooks;
  uint64_t differences() const { return services.size() + shared + hooks.size(); }

  friend bool operator==(const AuditReport&, const AuditReport&) = default;
};

}  // namespace shunt::report

#endif  // SHUNT_REPORT_AUDIT_REPORT_H_
