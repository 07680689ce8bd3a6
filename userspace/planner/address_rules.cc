// SPDX-License-Identifier: Apache-2.0
#include "userspace/planner/address_rules.h"

namespace shunt::planner {

absl::string_view ForbiddenClass(const model::IpAddress& address) {
  if (address.IsUnspecified()) return "unspecified";
  if (address.IsLoopback()) return "loopback";
  if (address.IsLinkLocal()) return "link-local";
  if (address.IsLinkLocalMulticast()) return "link-local multicast";
  return "";
}

}  // namespace shunt::planner
