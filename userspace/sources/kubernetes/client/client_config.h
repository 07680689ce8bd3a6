// SPDX-License-Identifier: Apache-2.0
// How to reach the API server and which identity to use, wherever it was configured.
#ifndef SHUNT_SOURCES_KUBERNETES_CLIENT_CLIENT_CONFIG_H_
#define SHUNT_SOURCES_KUBERNETES_CLIENT_CLIENT_CONFIG_H_

#include <string>
#include <vector>

#include "userspace/sources/kubernetes/client/credentials.h"
#include "userspace/sources/kubernetes/client/transport.h"

namespace shunt::sources::kubernetes {

struct ClientConfig {
  enum class Origin { kFlag, kKubeconfig, kInCluster };

  Origin origin = Origin::kFlag;   // of the servers
  std::vector<ApiServer> servers;  // of one cluster, to be tried in this order; not empty
  Credentials credentials;
  bool skip_tls_verification = false;  // no certificate proves who answers
  std::string proxy_url;               // http or https; empty: the environment decides
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_CLIENT_CLIENT_CONFIG_H_
