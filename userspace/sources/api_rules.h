// SPDX-License-Identifier: Apache-2.0
// What the API's words and missing fields mean to a service proxy, whatever the object's encoding. A word that the API
// does not know means what kube-proxy takes it for.
#ifndef SHUNT_SOURCES_API_RULES_H_
#define SHUNT_SOURCES_API_RULES_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "userspace/model/endpoint_slice.h"
#include "userspace/model/names.h"
#include "userspace/model/service.h"

namespace shunt::sources {

inline constexpr int64_t kAffinityTimeoutDefaultS = 10'800;
inline constexpr int64_t kAffinityTimeoutMaxS = 86'400;

// Returns ClusterIP unless it is another type's word.
model::ServiceType ServiceTypeOf(absl::string_view word);
// Returns Cluster unless the word is "Local".
model::TrafficPolicy TrafficPolicyOf(absl::string_view word);
// Returns FQDN, which is not translated, unless the word is "IPv4" or "IPv6".
model::AddressType AddressTypeOf(absl::string_view word);
// Returns TCP if the word is empty, and nothing if it is not a protocol that a Service can have.
std::optional<model::Protocol> ProtocolOf(absl::string_view word);
// Returns nothing unless the number is from 1 to 65535.
std::optional<uint16_t> PortNumber(int64_t number);
// Returns model::Service's affinity timeout: 0 unless `affinity` is "ClientIP". A timeout that is missing or out of
// range is the default.
int32_t AffinityTimeoutS(absl::string_view affinity, std::optional<int64_t> timeout_s);

// Sorts a Node's status.addresses as Kubernetes does (GetNodeHostIPs): those of type InternalIP, then those of type
// ExternalIP, each in order; other types are host names.
class NodeAddressOrder {
 public:
  void Add(absl::string_view type, absl::string_view address);
  std::vector<std::string> Take();

 private:
  std::vector<std::string> internal_;
  std::vector<std::string> external_;
};

// Finds ports of one Service that could be confused with each other. The API server refuses them, because a proxy could
// not tell them apart.
class ServicePortSet {
 public:
  enum class Clash { kNone, kName, kNumber };
  // Returns kNone if the port was added. An unnamed port's name never clashes.
  Clash Add(const model::ServicePort& port);

 private:
  std::set<std::string> names_;
  std::set<std::pair<model::Protocol, uint16_t>> numbers_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_API_RULES_H_
