// SPDX-License-Identifier: Apache-2.0
#include "userspace/report/reason_kind.h"

#include <algorithm>

namespace shunt::report {
namespace {

bool Has(ReasonKind kind, absl::string_view name) {
  const std::vector<absl::string_view>& names = ReasonsOfKind(kind);
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

const std::vector<absl::string_view>& ReasonsOfKind(ReasonKind kind) {
  static const auto* const kNothing = new std::vector<absl::string_view>{
      "not_a_service", "port_zero", "other_protocol", "exempt_socket",  "connected_send",
      "mptcp_join",    "no_state",  "other_peer",     "outside_client", "other_host"};
  // They lead no connection to a wrong destination.
  static const auto* const kSuspects = new std::vector<absl::string_view>{"dangling", "state_lost", "peers_full"};
  return kind == ReasonKind::kSuspect ? *kSuspects : *kNothing;
}

ReasonKind ReasonKindOf(absl::string_view name) {
  if (Has(ReasonKind::kNothingToTranslate, name)) return ReasonKind::kNothingToTranslate;
  return Has(ReasonKind::kSuspect, name) ? ReasonKind::kSuspect : ReasonKind::kNotTranslated;
}

}  // namespace shunt::report
