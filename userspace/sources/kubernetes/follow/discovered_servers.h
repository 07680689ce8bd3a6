// SPDX-License-Identifier: Apache-2.0
// The API servers that the cluster itself names: one of them may still answer when the configured address no longer
// exists.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_DISCOVERED_SERVERS_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_DISCOVERED_SERVERS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "userspace/sources/source.h"

namespace shunt::sources::kubernetes {

// Follows the ready endpoints of the EndpointSlice default/kubernetes, which the API servers write themselves. Other
// slices of that Service are ignored: everybody who may write to the namespace could make one. A discovered server is
// trusted only if a configured authority has signed its certificate, so even a forged slice costs connection attempts,
// not the token.
class DiscoveredServers {
 public:
  // Further endpoints are ignored: a cluster has three or five.
  static constexpr size_t kServersMax = 16;

  // Returns whether urls() may have changed.
  bool Note(const Event& event);
  // Each is of the form "https://10.0.0.1:6443"; sorted, without duplicates.
  const std::vector<std::string>& urls() const { return urls_; }

 private:
  std::vector<std::string> urls_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_FOLLOW_DISCOVERED_SERVERS_H_
