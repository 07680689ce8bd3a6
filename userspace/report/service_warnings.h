// SPDX-License-Identifier: Apache-2.0
// What is wrong with a Service by its owner's doing: nothing is wrong with the node.
#ifndef SHUNT_REPORT_SERVICE_WARNINGS_H_
#define SHUNT_REPORT_SERVICE_WARNINGS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "userspace/model/service_plan.h"

namespace shunt::report {

enum class WarningKind : uint8_t {
  kConflict,  // another Service holds one of its frontends
  kDead,      // no endpoint of one of its ports can be used
  kProtocol,  // one of its ports has a protocol that is not served
  kObject,    // its objects say something that cannot be used
};
inline constexpr size_t kWarningKinds = 4;
// "conflict", "dead", "protocol", "object".
absl::string_view WarningKindName(WarningKind kind);

struct ServiceWarning {
  model::ObjectName service;  // empty for a sentence about further Services
  WarningKind kind = WarningKind::kObject;
  std::string what;  // a sentence for people

  friend bool operator==(const ServiceWarning&, const ServiceWarning&) = default;
};

// Number of Services with a warning of each kind; a Service with two kinds counts in both.
using WarnedServices = std::array<uint32_t, kWarningKinds>;

// Returns for each kind whether the plan has a warning of it; cheaper than their sentences.
std::array<bool, kWarningKinds> WarningKindsOf(const model::ServicePlan& plan);

// Returns one warning for each kind that the plan has, in their order: the first sentence of the kind, and how many
// more there are, since an owner may give cause for thousands.
std::vector<ServiceWarning> WarningsOf(const model::ServicePlan& plan);

}  // namespace shunt::report

#endif  // SHUNT_REPORT_SERVICE_WARNINGS_H_
