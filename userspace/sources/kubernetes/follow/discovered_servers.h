// SPDX-License-Identifier: Apache-2.0
// The API servers that the cluster itself names: when the configured address is gone for good, one of them may still be
// there.
#ifndef SHUNT_SOURCES_KUBERNETES_FOLLOW_DISCOVERED_SERVERS_H_
#define SHUNT_SOURCES_KUBERNETES_FOLLOW_DISCOVERED_SERVERS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "userspace/sources/source.h"

namespace shunt::sources::kubernetes {

// The ready endpoints of the EndpointSlice default/kubernetes, which the API servers keep themselves. Other slices of
// that Service are not looked at: anybody who may write to the namespace could make one. What is learned is trusted by
// the configured authorities and nothing else, so even a forged slice costs attempts, not the token.
class DiscoveredServers {
 public:
  // Further endpoints are not taken: a cluster has three or five.
  static constexpr size_t kServersMax = 16;

  // True: urls() may have changed.
  bool Note(const Event& event);
  // "https://10.0.0.1:6443", each once, in order.
  const std::vector<std::string>& urls() const { return urls_; }

 private:
  std::vector<std::string> urls_;
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_FOLLOW_DISCOVERED_SERVERS_H_
