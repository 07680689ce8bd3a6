// SPDX-License-Identifier: Apache-2.0
// The API servers that the cluster itself names: the endpoints of the Service default/kubernetes, which the API servers
// keep up to date themselves. When the configured address is gone for good, one of them may still be there.
#ifndef SHUNT_SOURCES_KUBERNETES_LEARNED_SERVERS_H_
#define SHUNT_SOURCES_KUBERNETES_LEARNED_SERVERS_H_

#include <map>
#include <string>
#include <vector>

#include "userspace/sources/source.h"

namespace shunt::sources::kubernetes {

class LearnedServers {
 public:
  // True: urls() may have changed.
  bool Note(const Event& event);
  // "https://10.0.0.1:6443", each once, in order.
  std::vector<std::string> urls() const;

 private:
  std::map<model::ObjectName, std::vector<std::string>> urls_of_;  // by slice
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_LEARNED_SERVERS_H_
