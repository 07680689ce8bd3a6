// SPDX-License-Identifier: Apache-2.0
// How often API servers were asked and what they answered.
#ifndef SHUNT_SOURCES_KUBERNETES_REQUEST_COUNTS_H_
#define SHUNT_SOURCES_KUBERNETES_REQUEST_COUNTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "userspace/model/reflector_status.h"

namespace shunt::sources::kubernetes {

class RequestCounts {
 public:
  // `server` is a base URL; `status` is the answer's, 0: there was none.
  void Add(absl::string_view server, int status);
  // Ordered by host, then code.
  std::vector<model::RequestCount> List() const;

 private:
  std::map<std::pair<std::string, int>, uint64_t> counts_;  // by host:port and status
};

}  // namespace shunt::sources::kubernetes

#endif  // SHUNT_SOURCES_KUBERNETES_REQUEST_COUNTS_H_
