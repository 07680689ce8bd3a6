// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/learned_servers.h"

#include <set>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"

namespace shunt::sources::kubernetes {
namespace {

std::vector<std::string> UrlsOf(const model::EndpointSlice& slice) {
  std::vector<std::string> urls;
  if (slice.address_type == model::AddressType::kFqdn) return urls;
  const bool is_ipv6 = slice.address_type == model::AddressType::kIpv6;
  for (const model::EndpointPort& port : slice.ports) {
    if (port.name != "https" || port.port.value_or(0) == 0) continue;
    for (const model::Endpoint& endpoint : slice.endpoints) {
      if (endpoint.addresses.empty() || !endpoint.ready.value_or(true)) continue;
      const std::string& address = endpoint.addresses.front();
      urls.push_back(is_ipv6 ? absl::StrCat("https://[", address, "]:", *port.port)
                             : absl::StrCat("https://", address, ":", *port.port));
    }
  }
  return urls;
}

}  // namespace

bool LearnedServers::Note(const Event& event) {
  if (const Remove* const remove = std::get_if<Remove>(&event)) {
    return remove->kind == ObjectKind::kEndpointSlice && urls_of_.erase(remove->name) != 0;
  }
  const auto* const slice = std::get_if<model::EndpointSlice>(&std::get<Upsert>(event).object);
  if (slice == nullptr) return false;
  if (slice->ServiceName() != model::ObjectName{"default", "kubernetes"}) return urls_of_.erase(slice->name) != 0;
  urls_of_[slice->name] = UrlsOf(*slice);
  return true;
}

std::vector<std::string> LearnedServers::urls() const {
  std::set<std::string> urls;
  for (const auto& [slice, of_slice] : urls_of_) urls.insert(of_slice.begin(), of_slice.end());
  return {urls.begin(), urls.end()};
}

}  // namespace shunt::sources::kubernetes
