// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/proxy.h"

#include <cstdlib>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "userspace/model/ip_address.h"

namespace shunt::sources::kubernetes {
namespace {

std::string EitherCase(const char* upper, const char* lower) {
  for (const char* name : {upper, lower}) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nothing here calls setenv
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

// Returns whether `entry`, one entry of NO_PROXY in lower case and not empty, exempts the server.
bool Exempts(absl::string_view entry, const ServerUrl& server, absl::string_view host) {
  if (entry == "*") return true;
  const std::optional<model::IpAddress> address = model::IpAddress::Parse(host);
  if (const std::optional<model::IpPrefix> prefix = model::IpPrefix::Parse(entry)) {
    return address.has_value() && prefix->Contains(*address);
  }
  // An IPv6 address contains colons; a port can only follow its brackets.
  if (!model::IpAddress::Parse(entry).has_value()) {
    const std::string port = absl::StrCat(":", server.port);
    const size_t colon = entry.rfind(':');
    if (colon != absl::string_view::npos && entry.find(']', colon) == absl::string_view::npos) {
      if (entry.substr(colon) != port) return false;
      entry.remove_suffix(port.size());
    }
    if (absl::ConsumePrefix(&entry, "[")) absl::ConsumeSuffix(&entry, "]");
  }
  if (address.has_value()) return model::IpAddress::Parse(entry) == address;
  absl::ConsumePrefix(&entry, "*");
  if (absl::StartsWith(entry, ".")) return absl::EndsWith(host, entry);
  return host == entry || absl::EndsWith(host, absl::StrCat(".", entry));
}

bool IsExempt(const ServerUrl& server, const std::string& no_proxy) {
  const std::string host = absl::AsciiStrToLower(server.host);
  const std::optional<model::IpAddress> address = model::IpAddress::Parse(host);
  if (host == "localhost" || (address.has_value() && address->IsLoopback())) return true;
  for (const absl::string_view text : absl::StrSplit(no_proxy, ',')) {
    const std::string entry = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
    if (!entry.empty() && Exempts(entry, server, host)) return true;
  }
  return false;
}

}  // namespace

ProxyEnvironment ProxyEnvironment::OfProcess() {
  return {EitherCase("HTTPS_PROXY", "https_proxy"), EitherCase("HTTP_PROXY", "http_proxy"),
          EitherCase("NO_PROXY", "no_proxy")};
}

absl::Status CheckProxyUrl(const std::string& url) {
  const size_t scheme_end = url.find("://");
  if (scheme_end == std::string::npos) return absl::OkStatus();
  const std::string scheme = absl::AsciiStrToLower(url.substr(0, scheme_end));
  if (scheme == "http" || scheme == "https") return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("a proxy of the kind \"", scheme, "\" is not supported, only http and https are"));
}

absl::StatusOr<std::string> ChooseProxy(const ServerUrl& server, const std::string& configured,
                                        const ProxyEnvironment& environment) {
  std::string url = configured;
  if (url.empty()) {
    url = server.tls ? environment.https_proxy : environment.http_proxy;
    if (url.empty() || IsExempt(server, environment.no_proxy)) return std::string();
  }
  if (absl::Status status = CheckProxyUrl(url); !status.ok()) return status;
  return url;
}

}  // namespace shunt::sources::kubernetes
