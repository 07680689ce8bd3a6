// SPDX-License-Identifier: Apache-2.0
// Which addresses no Service may lead to or be dialled on. The API server refuses most of them; the planner
// does so again, because manifests pass no API server and because a translated socket of the host itself
// would reach its loopback or the cloud's metadata service (CVE-2021-25737, CVE-2020-8554).
#ifndef SHUNT_PLANNER_ADDRESS_RULES_H_
#define SHUNT_PLANNER_ADDRESS_RULES_H_

#include "absl/strings/string_view.h"
#include "userspace/model/ip_address.h"

namespace shunt::planner {

// "unspecified", "loopback", "link-local", "multicast" or "reserved"; empty if the address is none of these.
absl::string_view ForbiddenClass(const model::IpAddress& address);

// True if `text`, which reads as `address`, is IPv6 text for an IPv4 address (::ffff:10.0.0.1). As a value it
// is that IPv4 address, so only the text can tell.
bool IsMappedText(absl::string_view text, const model::IpAddress& address);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_ADDRESS_RULES_H_
