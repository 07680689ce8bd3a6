// SPDX-License-Identifier: Apache-2.0
// Addresses that a Service may neither lead to nor be dialled on. The rule is the Kubernetes API's own for endpoints
// and externalIPs (its function ValidateEndpointIP), and no stricter: clouds give pods addresses of 240.0.0.0/4. The
// planner applies it again, because manifests do not pass through an API server, and because a translated socket of the
// host itself would reach its loopback or the cloud's metadata service (CVE-2021-25737, CVE-2020-8554). It applies it
// to ClusterIPs and load-balancer addresses too, which the API accepts in any range: a frontend on loopback or on the
// metadata service's address would take over traffic that is no Service's.
#ifndef SHUNT_PLANNER_ADDRESS_RULES_H_
#define SHUNT_PLANNER_ADDRESS_RULES_H_

#include "absl/strings/string_view.h"
#include "userspace/model/ip_address.h"

namespace shunt::planner {

// Returns "unspecified", "loopback", "link-local" or "link-local multicast", or "" if the address is allowed.
absl::string_view ForbiddenClass(const model::IpAddress& address);

}  // namespace shunt::planner

#endif  // SHUNT_PLANNER_ADDRESS_RULES_H_
