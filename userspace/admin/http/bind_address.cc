// SPDX-License-Identifier: Apache-2.0
#include "userspace/admin/http/bind_address.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace shunt::admin::http {

absl::StatusOr<std::optional<model::SocketAddress>> ParseBindAddress(absl::string_view text) {
  if (text.empty()) return std::nullopt;
  const absl::Status unusable = absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\": expected ADDRESS:PORT, [IPV6-ADDRESS]:PORT or nothing at all"));
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return unusable;
  absl::string_view host = text.substr(0, colon);
  const absl::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  // An IPv6 address without brackets would be ambiguous; an IPv4 address takes no brackets.
  if (bracketed != absl::StrContains(host, ':')) return unusable;
  const std::optional<model::IpAddress> address = model::IpAddress::Parse(host);
  uint32_t number = 0;
  const bool digits = !port.empty() && port.find_first_not_of("0123456789") == absl::string_view::npos;
  if (!address.has_value() || !digits || !absl::SimpleAtoi(port, &number) || number > UINT16_MAX) return unusable;
  return model::SocketAddress{*address, static_cast<uint16_t>(number)};
}

}  // namespace shunt::admin::http
