// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/address_rules.h"

namespace shunt::planner {

absl::string_view ForbiddenClass(const model::IpAddress& address) {
  if (address.IsUnspecified()) return "unspecified";
  if (address.IsLoopback()) return "loopback";
  if (address.IsLinkLocal()) return "link-local";
  if (address.IsMulticast()) return "multicast";
  if (address.IsReserved()) return "reserved";
  return "";
}

bool IsMappedText(absl::string_view text, const model::IpAddress& address) {
  return address.IsV4() && text.find(':') != absl::string_view::npos;
}

}  // namespace shunt::planner
