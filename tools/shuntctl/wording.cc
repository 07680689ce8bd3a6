// SPDX-License-Identifier: Apache-2.0
#include "tools/shuntctl/wording.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"

namespace shunt::shuntctl {

namespace v1 = admin::v1;

std::string ProtocolText(v1::Protocol protocol) {
  switch (protocol) {
    case v1::PROTOCOL_TCP:
      return "TCP";
    case v1::PROTOCOL_UDP:
      return "UDP";
    case v1::PROTOCOL_SCTP:
      return "SCTP";
    default:
      return "";
  }
}

std::string FamilyText(v1::IpFamily family) {
  return family == v1::IP_FAMILY_IPV4 ? "IPv4" : family == v1::IP_FAMILY_IPV6 ? "IPv6" : "";
}

std::string FrontendKindText(v1::FrontendKind kind) {
  switch (kind) {
    case v1::FRONTEND_KIND_CLUSTER_IP:
      return "ClusterIP";
    case v1::FRONTEND_KIND_NODE_PORT:
      return "NodePort";
    case v1::FRONTEND_KIND_LOAD_BALANCER:
      return "LoadBalancer";
    case v1::FRONTEND_KIND_EXTERNAL_IP:
      return "ExternalIP";
    default:
      return "";
  }
}

std::string ServiceTypeText(v1::ServiceType type) {
  switch (type) {
    case v1::SERVICE_TYPE_CLUSTER_IP:
      return "ClusterIP";
    case v1::SERVICE_TYPE_NODE_PORT:
      return "NodePort";
    case v1::SERVICE_TYPE_LOAD_BALANCER:
      return "LoadBalancer";
    case v1::SERVICE_TYPE_EXTERNAL_NAME:
      return "ExternalName";
    default:
      return "";
  }
}

std::string DeviceRoleText(v1::DeviceRole role) {
  switch (role) {
    case v1::DEVICE_ROLE_EXTERNAL:
      return "external";
    case v1::DEVICE_ROLE_POD:
      return "pod";
    case v1::DEVICE_ROLE_OVERLAY:
      return "overlay";
    default:
      return "";
  }
}

std::string DeviceHookText(v1::DeviceHook hook) {
  return hook == v1::DEVICE_HOOK_TCX ? "tcx" : hook == v1::DEVICE_HOOK_CLSACT ? "clsact" : "";
}

std::string AddressText(const v1::SocketAddress& address) {
  if (address.address().empty()) return "";
  if (absl::StrContains(address.address(), ':')) return absl::StrCat("[", address.address(), "]:", address.port());
  return absl::StrCat(address.address(), ":", address.port());
}

std::string NameText(const v1::ObjectName& name) {
  return name.name().empty() ? "" : absl::StrCat(name.namespace_name(), "/", name.name());
}

std::string VerdictText(v1::EndpointVerdict verdict) {
  switch (verdict) {
    case v1::ENDPOINT_VERDICT_SELECTED:
      return "selected";
    case v1::ENDPOINT_VERDICT_NOT_READY:
      return "not ready";
    case v1::ENDPOINT_VERDICT_TERMINATING:
      return "terminating";
    case v1::ENDPOINT_VERDICT_NOT_SERVING:
      return "not serving";
    case v1::ENDPOINT_VERDICT_NOT_LOCAL:
      return "on another node";
    case v1::ENDPOINT_VERDICT_OTHER_ZONE:
      return "for other zones";
    case v1::ENDPOINT_VERDICT_OTHER_NODE:
      return "for other nodes";
    case v1::ENDPOINT_VERDICT_WEIGHT_ZERO:
      return "drained";
    case v1::ENDPOINT_VERDICT_DUPLICATE:
      return "duplicate";
    case v1::ENDPOINT_VERDICT_NO_PORT:
      return "no such port";
    case v1::ENDPOINT_VERDICT_BAD_ADDRESS:
      return "bad address";
    case v1::ENDPOINT_VERDICT_FORBIDDEN_ADDRESS:
      return "forbidden address";
    case v1::ENDPOINT_VERDICT_TOO_MANY:
      return "over the limit";
    case v1::ENDPOINT_VERDICT_NO_SHARE:
      return "no share";
    default:
      return "not in this pool";
  }
}

std::string ServingStateText(v1::ServingState state) {
  std::string text;
  for (const absl::string_view part :
       absl::StrSplit(absl::StripPrefix(v1::ServingState_Name(state), "SERVING_STATE_"), '_')) {
    absl::StrAppend(&text, part.substr(0, 1), absl::AsciiStrToLower(part.substr(1)));
  }
  return text;
}

std::string WarningKindText(v1::WarningKind kind) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::WarningKind_Name(kind), "WARNING_KIND_"));
}

std::string NothingFound(absl::string_view what, absl::string_view namespace_name) {
  if (namespace_name.empty()) return absl::StrCat("No ", what, " found.");
  return absl::StrCat("No ", what, " found in ", namespace_name, " namespace.");
}

std::string PercentText(double percent) {
  constexpr double kHundredth = 0.01;
  constexpr double kLeast = 0.0001;
  if (percent <= 0 || percent >= kHundredth) return absl::StrFormat("%.2f%%", percent);
  return percent < kLeast ? "<0.0001%" : absl::StrFormat("%.2g%%", percent);
}

std::string CountText(uint64_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

std::string BytesText(uint64_t bytes) {
  const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) {
    value /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", value, units[unit]);
}

namespace {

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

std::string DurationText(const google::protobuf::Duration& duration) {
  return absl::FormatDuration(absl::Trunc(ToDuration(duration), absl::Milliseconds(100)));
}

}  // namespace

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(time.seconds()), absl::UTCTimeZone());
}

std::string SilenceText(const admin::v1::SignOfLife& sign) {
  if (!sign.has_stale_after()) return "";
  const std::string last = sign.has_age() ? absl::StrCat("the last sign of life was ", DurationText(sign.age()), " ago")
                                          : "there has been no sign of life since the boot";
  return absl::StrCat(IsSilent(sign) ? "nothing is translated: " : "", "--stale-after is ",
                      DurationText(sign.stale_after()), ", ", last);
}

bool IsSilent(const admin::v1::SignOfLife& sign) {
  return sign.has_stale_after() && (!sign.has_age() || ToDuration(sign.age()) > ToDuration(sign.stale_after()));
}

bool HasDrift(const admin::v1::AuditReport& audit) {
  return audit.services_size() != 0 || audit.shared_rows() != 0 || audit.hooks_size() != 0;
}

std::string DriftText(const admin::v1::AuditReport& audit) {
  constexpr int kNamesMax = 5;
  if (!HasDrift(audit)) return "as planned";
  const int services = audit.services_size();
  std::string text;
  if (services != 0) absl::StrAppend(&text, CountText(services, "Service"));
  if (const uint32_t rows = audit.shared_rows(); rows != 0) {
    absl::StrAppend(&text, text.empty() ? "" : " and ", CountText(rows, "row"), " of no single Service");
  }
  if (const int hooks = audit.hooks_size(); hooks != 0) {
    absl::StrAppend(&text, text.empty() ? "" : " and ", CountText(hooks, "hook"), " (", audit.hooks(0),
                    hooks == 1 ? ")" : ", ...)");
  }
  const bool one = static_cast<uint64_t>(services) + audit.shared_rows() + audit.hooks_size() == 1;
  const uint32_t unrepaired = audit.unrepaired();
  absl::StrAppend(&text, " differed and ", one ? "was" : "were",
                  one && unrepaired != 0 ? " not repaired" : " repaired");
  if (!one && unrepaired != 0) absl::StrAppend(&text, ", but for ", unrepaired);
  for (int i = 0; i < std::min(services, kNamesMax); ++i) {
    absl::StrAppend(&text, i == 0 ? ": " : ", ", NameText(audit.services(i)));
  }
  if (services > kNamesMax) absl::StrAppend(&text, " and ", services - kNamesMax, " more");
  return text;
}

}  // namespace shunt::shuntctl
