// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/request_counts.h"

#include "absl/strings/str_cat.h"
#include "userspace/sources/kubernetes/server_url.h"

namespace shunt::sources::kubernetes {

void RequestCounts::Add(absl::string_view server, int status) {
  const absl::StatusOr<ServerUrl> url = ParseServerUrl(server);
  ++counts_[{url.ok() ? url->Authority() : std::string(server), status}];
}

std::vector<model::RequestCount> RequestCounts::List() const {
  std::vector<model::RequestCount> list;
  for (const auto& [key, count] : counts_) {
    const auto& [host, status] = key;
    list.push_back({status == 0 ? "<error>" : absl::StrCat(status), "GET", host, count});
  }
  return list;
}

}  // namespace shunt::sources::kubernetes
