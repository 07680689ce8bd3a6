// SPDX-License-Identifier: Apache-2.0
// Values of the admin API in words, the same in every table.
#ifndef SHUNT_TOOLS_SHUNTCTL_WORDING_H_
#define SHUNT_TOOLS_SHUNTCTL_WORDING_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/timestamp.pb.h"
#include "shunt/admin/v1/address.pb.h"
#include "shunt/admin/v1/audit.pb.h"
#include "shunt/admin/v1/device.pb.h"
#include "shunt/admin/v1/service.pb.h"
#include "shunt/admin/v1/status.pb.h"

namespace shunt::shuntctl {

std::string ProtocolText(admin::v1::Protocol protocol);            // TCP
std::string FamilyText(admin::v1::IpFamily family);                // IPv4
std::string FrontendKindText(admin::v1::FrontendKind kind);        // ClusterIP
std::string ServiceTypeText(admin::v1::ServiceType type);          // ClusterIP; empty if unknown
std::string AddressText(const admin::v1::SocketAddress& address);  // 10.0.0.1:80, [fd00::1]:80; empty if unknown
std::string NameText(const admin::v1::ObjectName& name);           // shop/cart; empty if not set
// Returns "selected", or why the endpoint is not: "not ready", "on another node".
std::string VerdictText(admin::v1::EndpointVerdict verdict);
// Returns "Ready", "NoEndpoints" and so on: the value's name in the API, written as one word.
std::string ServingStateText(admin::v1::ServingState state);
std::string WarningKindText(admin::v1::WarningKind kind);       // conflict
std::string DeviceRoleText(admin::v1::DeviceRole role);         // external; empty if it has none
std::string DeviceHookText(admin::v1::DeviceHook hook);         // tcx; empty if it has none
std::string PercentText(double percent);                        // 33.33%; below a hundredth 0.002%
std::string BytesText(uint64_t bytes);                          // 12.0 MiB
std::string TimeText(const google::protobuf::Timestamp& time);  // 2025-11-22T22:20:50Z

// Returns "1 Service" or "2 Services". REQUIRES: `noun` makes its plural with an s.
std::string CountText(uint64_t count, absl::string_view noun);

// Returns what the programs make of an agent's silence: "--stale-after is 10m, the last sign of life was 400ms ago";
// empty if they do not ask.
std::string SilenceText(const admin::v1::SignOfLife& sign);
// Returns whether the silence has lasted longer than the programs wait.
bool IsSilent(const admin::v1::SignOfLife& sign);

// Returns the sentence for a list without entries, as kubectl's: "No Services found in shop namespace."
std::string NothingFound(absl::string_view what, absl::string_view namespace_name);

// Returns "as planned", or what differed and whether it was repaired: "1 Service differed and was repaired: shop/cart".
std::string DriftText(const admin::v1::AuditReport& audit);
// Returns whether something differed. REQUIRES: the report has no problem.
bool HasDrift(const admin::v1::AuditReport& audit);

}  // namespace shunt::shuntctl

#endif  // SHUNT_TOOLS_SHUNTCTL_WORDING_H_
