// SPDX-License-Identifier: Apache-2.0
// The URL of an API server, as kubeconfigs and --api-server give it.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_SERVER_URL_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_SERVER_URL_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace shunt::sources::kubernetes {

struct ServerUrl {
  bool tls = true;
  std::string host;    // a DNS name or an address, without brackets
  uint16_t port = 0;   // 443 and 80 where the URL has none
  std::string prefix;  // path without a trailing slash, mostly empty; a proxy of many clusters has one

  std::string ToString() const;   // "https://[fd00::1]:6443", always with the port
  std::string Authority() const;  // "[fd00::1]:6443"
  friend bool operator==(const ServerUrl&, const ServerUrl&) = default;
};

// Returns kInvalidArgument if `text` does not begin with http:// or https://, has no host, or has something that an API
// server's URL never has: a user, a query, a fragment, a space.
absl::StatusOr<ServerUrl> ParseServerUrl(absl::string_view text);

// Returns whether `text` has the characters of a DNS name or of an IP address without brackets.
bool IsHost(absl::string_view text);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_SERVER_URL_H_
