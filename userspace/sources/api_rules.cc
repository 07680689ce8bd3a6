// SPDX-License-Identifier: Apache-2.0
#include "userspace/sources/api_rules.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace shunt::sources {

model::ServiceType ServiceTypeOf(absl::string_view word) {
  if (word == "NodePort") return model::ServiceType::kNodePort;
  if (word == "LoadBalancer") return model::ServiceType::kLoadBalancer;
  if (word == "ExternalName") return model::ServiceType::kExternalName;
  return model::ServiceType::kClusterIp;
}

model::TrafficPolicy TrafficPolicyOf(absl::string_view word) {
  return word == "Local" ? model::TrafficPolicy::kLocal : model::TrafficPolicy::kCluster;
}

model::AddressType AddressTypeOf(absl::string_view word) {
  if (word == "IPv4") return model::AddressType::kIpv4;
  if (word == "IPv6") return model::AddressType::kIpv6;
  return model::AddressType::kFqdn;
}

std::optional<model::Protocol> ProtocolOf(absl::string_view word) {
  return word.empty() ? model::Protocol::kTcp : model::ParseProtocol(word);
}

std::optional<uint16_t> PortNumber(int64_t number) {
  if (number < 1 || number > 65535) return std::nullopt;
  return static_cast<uint16_t>(number);
}

int32_t AffinityTimeoutS(absl::string_view affinity, std::optional<int64_t> timeout_s) {
  if (affinity != "ClientIP") return 0;
  const int64_t wanted_s = timeout_s.value_or(0);
  return static_cast<int32_t>(wanted_s >= 1 && wanted_s <= kAffinityTimeoutMaxS ? wanted_s : kAffinityTimeoutDefaultS);
}

void NodeAddressOrder::Add(absl::string_view type, absl::string_view address) {
  if (type == "InternalIP") internal_.emplace_back(address);
  if (type == "ExternalIP") external_.emplace_back(address);
}

std::vector<std::string> NodeAddressOrder::Take() {
  std::move(external_.begin(), external_.end(), std::back_inserter(internal_));
  external_.clear();
  return std::exchange(internal_, {});
}

ServicePortSet::Clash ServicePortSet::Add(const model::ServicePort& port) {
  const std::pair number(port.protocol, port.port);
  if (!port.name.empty() && names_.count(port.name) > 0) return Clash::kName;
  if (numbers_.count(number) > 0) return Clash::kNumber;
  if (!port.name.empty()) names_.insert(port.name);
  numbers_.insert(number);
  return Clash::kNone;
}

}  // namespace shunt::sources
