// SPDX-License-Identifier: Apache-2.0
// Chooses the proxy to an API server by the rules of Go's HTTP client, which all other Kubernetes clients follow, not
// by curl's.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_PROXY_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_PROXY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/sources/kubernetes/client/server_url.h"

namespace shunt::sources::kubernetes {

struct ProxyEnvironment {
  std::string https_proxy;  // HTTPS_PROXY or https_proxy: for https:// servers
  std::string http_proxy;
  std::string no_proxy;

  // Reads this process's environment; names in upper case come first.
  static ProxyEnvironment OfProcess();
};

// Returns OK for "", http://..., https://... and HOST:PORT, which means http, and kInvalidArgument for others, such as
// SOCKS.
absl::Status CheckProxyUrl(const std::string& url);

// Returns the proxy's URL, with its user and password if it has one; empty means no proxy. `configured` overrides the
// environment unless it is empty. Returns kInvalidArgument if the chosen proxy fails CheckProxyUrl.
absl::StatusOr<std::string> ChooseProxy(const ServerUrl& server, const std::string& configured,
                                        const ProxyEnvironment& environment);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_PROXY_H_
