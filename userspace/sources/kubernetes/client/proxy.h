// SPDX-License-Identifier: Apache-2.0
// Whether a proxy stands between us and an API server: the rules are those of Go's HTTP client, which every other
// client of Kubernetes follows, not curl's.
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

  // This process's; upper case is looked at first.
  static ProxyEnvironment OfProcess();
};

// OK for "", http://..., https://..., and HOST:PORT, which means http. kInvalidArgument for others: SOCKS, for one.
absl::Status CheckProxyUrl(const std::string& url);

// The proxy's URL, with its user and password if it has one; empty: none. `configured`, if not empty, is taken whatever
// the environment says. kInvalidArgument: the proxy that it would be fails CheckProxyUrl.
absl::StatusOr<std::string> ChooseProxy(const ServerUrl& server, const std::string& configured,
                                        const ProxyEnvironment& environment);

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_PROXY_H_
