// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/kubernetes/follow/discovered_servers.h"

#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "userspace/model/ip_address.h"

namespace shunt::sources::kubernetes {
namespace {

bool IsApiServerName(const model::ObjectName& name) {
  return name.namespace_name == "default" && name.name == "kubernetes";
}

// Returns the Service's only port, found by the name that API servers give it.
std::optional<uint16_t> HttpsPort(const model::EndpointSlice& slice) {
  for (const model::EndpointPort& port : slice.ports) {
    if (port.name == "https" && port.protocol == model::Protocol::kTcp && port.port.value_or(0) != 0) return port.port;
  }
  return std::nullopt;
}

// Returns the endpoint's address if it is ready and its address can belong to another machine.
std::optional<model::IpAddress> AddressOf(const model::Endpoint& endpoint) {
  if (endpoint.address.empty() || !endpoint.ready.value_or(true)) return std::nullopt;
  const std::optional<model::IpAddress> address = model::IpAddress::Parse(endpoint.address);
  if (!address.has_value() || address->IsUnspecified() || address->IsLoopback() || address->IsLinkLocal() ||
      address->IsMulticast()) {
    return std::nullopt;
  }
  return address;
}

std::vector<std::string> UrlsOf(const model::EndpointSlice& slice) {
  const std::optional<uint16_t> port = HttpsPort(slice);
  if (!port.has_value() || !IsApiServerName(slice.ServiceName())) return {};
  std::set<model::IpAddress> addresses;
  for (const model::Endpoint& endpoint : slice.endpoints) {
    if (const auto address = AddressOf(endpoint); address.has_value()) addresses.insert(*address);
  }
  std::vector<std::string> urls;
  for (const model::IpAddress& address : addresses) {
    if (urls.size() == DiscoveredServers::kServersMax) break;
    urls.push_back(absl::StrCat("https://", address.ToStringWithPort(*port)));
  }
  return urls;
}

}  // namespace

bool DiscoveredServers::Note(const Event& event) {
  std::vector<std::string> urls;
  if (const Remove* const remove = std::get_if<Remove>(&event)) {
    if (remove->kind != ObjectKind::kEndpointSlice || !IsApiServerName(remove->name)) return false;
  } else {
    const auto* const slice = std::get_if<model::EndpointSlice>(&std::get<Upsert>(event).object);
    if (slice == nullptr || !IsApiServerName(slice->name)) return false;
    urls = UrlsOf(*slice);
  }
  return std::exchange(urls_, urls) != urls;
}

}  // namespace shunt::sources::kubernetes
