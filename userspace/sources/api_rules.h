// SPDX-License-Identifier: Apache-2.0
// What the API's words, and the fields that are missing, mean to a service proxy, whatever encoding an object came in.
// A word that is none of the API's means what kube-proxy would take it for.
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

// ClusterIP unless it is another type's word.
model::ServiceType ServiceTypeOf(absl::string_view word);
// Cluster unless the word is "Local".
model::TrafficPolicy TrafficPolicyOf(absl::string_view word);
// FQDN, which is not translated, unless the word is "IPv4" or "IPv6".
model::AddressType AddressTypeOf(absl::string_view word);
// TCP if the word is empty; nothing if it is no protocol that a Service can have.
std::optional<model::Protocol> ProtocolOf(absl::string_view word);
// Nothing unless it is from 1 to 65535.
std::optional<uint16_t> PortNumber(int64_t number);
// Of model::Service: 0 unless `affinity` is "ClientIP". A timeout that is missing or out of range is the default.
int32_t AffinityTimeoutS(absl::string_view affinity, std::optional<int64_t> timeout_s);

// A Node's status.addresses as Kubernetes prefers them (GetNodeHostIPs): those of type InternalIP, then those of type
// ExternalIP, each in order; other types are host names.
class NodeAddressOrder {
 public:
  void Add(absl::string_view type, absl::string_view address);
  std::vector<std::string> Take();

 private:
  std::vector<std::string> internal_;
  std::vector<std::string> external_;
};

// Finds ports of one Service that could be mistaken for each other. The API server stores none, a proxy could not
// tell them apart.
class ServicePortSet {
 public:
  enum class Clash { kNone, kName, kNumber };
  // kNone: the port was added. An unnamed port's name clashes with none.
  Clash Add(const model::ServicePort& port);

 private:
  std::set<std::string> names_;
  std::set<std::pair<model::Protocol, uint16_t>> numbers_;
};

}  // namespace shunt::sources

#endif  // SHUNT_SOURCES_API_RULES_H_
