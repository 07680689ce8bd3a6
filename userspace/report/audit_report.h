// SPDX-License-Identifier: Apache-2.0
// What a comparison of the kernel's maps with everything that is planned has found.
#ifndef SHUNT_REPORT_AUDIT_REPORT_H_
#define SHUNT_REPORT_AUDIT_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "userspace/model/names.h"

namespace shunt::report {

struct AuditReport {
  int64_t time_ms = 0;                      // since 1970; 0: there has been none
  std::string problem;                      // why it could not be made; empty: it was
  std::vector<model::ObjectName> services;  // whose rows differed from their plan, in name order
  uint32_t shared = 0;                      // rows of no single Service that differed
  uint32_t unrepaired = 0;                  // of `services`: could not be put right, and are tried again
  uint64_t differences() const { return services.size() + shared; }

  friend bool operator==(const AuditReport&, const AuditReport&) = default;
};

}  // namespace shunt::report

#endif  // SHUNT_REPORT_AUDIT_REPORT_H_
