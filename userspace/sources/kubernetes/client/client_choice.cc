// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/client/client_choice.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/client/kubeconfig.h"
#include "userspace/sources/kubernetes/client/server_url.h"

namespace shunt::sources::kubernetes {
namespace {

absl::StatusOr<ClientConfig> BelowFlags(const ClientChoice& choice) {
  if (!choice.kubeconfig.empty()) return ReadKubeconfig(choice.kubeconfig);
  if (!choice.api_servers.empty()) {
    ClientConfig config;
    config.credentials = PodCredentials(choice.pod);
    return config;
  }
  return ReadInCluster(choice.pod);
}

}  // namespace

absl::StatusOr<ClientConfig> ChooseClientConfig(const ClientChoice& choice) {
  absl::StatusOr<ClientConfig> config = BelowFlags(choice);
  if (!config.ok() || choice.api_servers.empty()) return config;
  const std::string tls_server_name = config->servers.empty() ? "" : config->servers.front().tls_server_name;
  config->servers.clear();
  for (const std::string& text : choice.api_servers) {
    const absl::StatusOr<ServerUrl> url = ParseServerUrl(text);
    if (!url.ok())
      return absl::InvalidArgumentError(
          absl::StrCat("--api-server (in the configuration file apiServers): ", url.status().message()));
    config->servers.push_back({url->ToString(), tls_server_name});
  }
  config->origin = ClientConfig::Origin::kFlag;
  return config;
}

}  // namespace shunt::sources::kubernetes
