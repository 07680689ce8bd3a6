// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/server_url.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "userspace/model/ip_address.h"

namespace shunt::sources::kubernetes {
namespace {

// The longest DNS name; no longer one resolves.
constexpr size_t kHostBytesMax = 253;
constexpr size_t kPrefixBytesMax = 1024;

bool IsPathCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("/-._~%!$&'()*+,;=:").find(c) != absl::string_view::npos;
}

// Takes HOST or [ADDRESS] off the front of `text`. Returns false if it has neither.
bool TakeHost(absl::string_view& text, std::string& host) {
  if (absl::ConsumePrefix(&text, "[")) {
    const size_t end = text.find(']');
    if (end == absl::string_view::npos) return false;
    host = std::string(text.substr(0, end));
    text.remove_prefix(end + 1);
    return host.find(':') != std::string::npos && model::IpAddress::Parse(host).has_value();
  }
  const size_t end = std::min(text.find_first_of(":/"), text.size());
  host = std::string(text.substr(0, end));
  text.remove_prefix(end);
  return IsHost(host);
}

std::optional<ServerUrl> Parse(absl::string_view text) {
  ServerUrl url;
  const size_t scheme_end = text.find("://");
  if (scheme_end == absl::string_view::npos) return std::nullopt;
  const std::string scheme = absl::AsciiStrToLower(text.substr(0, scheme_end));
  if (scheme != "https" && scheme != "http") return std::nullopt;
  url.tls = scheme == "https";
  text.remove_prefix(scheme_end + 3);
  if (!TakeHost(text, url.host)) return std::nullopt;
  uint32_t port = url.tls ? 443 : 80;
  if (absl::ConsumePrefix(&text, ":")) {
    const size_t end = std::min(text.find('/'), text.size());
    const absl::string_view digits = text.substr(0, end);
    const bool plain = !digits.empty() && std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit);
    if (!plain || !absl::SimpleAtoi(digits, &port) || port == 0 || port > 65535) return std::nullopt;
    text.remove_prefix(end);
  }
  url.port = static_cast<uint16_t>(port);
  while (absl::ConsumeSuffix(&text, "/")) continue;
  const bool path = text.empty() || text.front() == '/';
  if (!path || text.size() > kPrefixBytesMax || !std::all_of(text.begin(), text.end(), IsPathCharacter)) {
    return std::nullopt;
  }
  url.prefix = std::string(text);
  return url;
}

}  // namespace

std::string ServerUrl::Authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

std::string ServerUrl::ToString() const {
  return absl::StrCat(tls ? "https://" : "http://", Authority(), prefix);
}

absl::StatusOr<ServerUrl> ParseServerUrl(absl::string_view text) {
  if (std::optional<ServerUrl> url = Parse(text)) return *std::move(url);
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", text, "\" is not the URL of an API server: expected https://HOST[:PORT], an IPv6 address in []"));
}

bool IsHost(absl::string_view text) {
  if (text.empty() || text.size() > kHostBytesMax) return false;
  if (text.find(':') != absl::string_view::npos) return model::IpAddress::Parse(text).has_value();
  return text.front() != '-' && std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
         });
}

}  // namespace shunt::sources::kubernetes
