// SPDX-License-Identifier: Apache-2.0
// Addresses that a Service may neither lead to nor be dialled on. The API server refuses most of them; the planner does
// so again, because manifests do not pass through an API server, and because a translated socket of the host itself
// would reach its loopback or the cloud's metadata service (CVE-2021-25737, CVE-2020-8554).
#ifndef SHUNT_PLANNER_ADDRESS_RULES_H_
#define SHUNT_PLANNER_ADDRESS_RULES_H_

#include "absl/strings/string_view.h"
#include "userspace/model/ip_address.h"

namespace shunt::planner {

// Returns "unspecified", "loopback", "link-local", "multicast" or "reserved", or "" if the address is allowed.
absl::string_view ForbiddenClass(const model::IpAddress& address);

// Returns whether `text`, which parses as `address`, is IPv6 text for an IPv4 address (::ffff:10.0.0.1). Its value is
// that IPv4 address, so only the text can tell.
bool IsMappedText(absl::string_view text, const model::IpAddress& address);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_ADDRESS_RULES_H_
