// SPDX-License-Identifier: Apache-2.0
// What a reason of the programs means to an operator. The programs only count them by name.
#ifndef SHUNT_REPORT_REASON_KIND_H_
#define SHUNT_REPORT_REASON_KIND_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

namespace shunt::report {

enum class ReasonKind : uint8_t {
  kNothingToTranslate,  // the call has nothing to do with a Service: no connection is worse off for it
  kNotTranslated,       // a Service was dialled, and Shunt refused the connection or left it to others
  kSuspect,             // as before, and it should not happen: `shuntctl check` warns of it
};

// Returns the kind of the reason with this name. A reason that is not known here is kNotTranslated, so that it shows.
ReasonKind ReasonKindOf(absl::string_view name);

// The names that are known to be of this kind; each is one that the programs give. REQUIRES: not kNotTranslated.
const std::vector<absl::string_view>& ReasonsOfKind(ReasonKind kind);

}  // namespace shunt::report

#endif  // SHUNT_REPORT_REASON_KIND_H_
