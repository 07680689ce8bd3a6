// SPDX-License-Identifier: Apache-2.0
// Names of Kubernetes objects and of transport protocols, which every layer uses.
#ifndef SHUNT_MODEL_NAMES_H_
#define SHUNT_MODEL_NAMES_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace shunt::model {

// namespace/name of a namespaced Kubernetes object. Ordered by namespace, then name.
struct ObjectName {
  std::string namespace_name;
  std::string name;

  std::string ToString() const { return absl::StrCat(namespace_name, "/", name); }
  friend auto operator<=>(const ObjectName&, const ObjectName&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const ObjectName& n) {
    return H::combine(std::move(h), n.namespace_name, n.name);
  }
};

// Values are the IP protocol numbers.
enum class Protocol : uint8_t { kTcp = 6, kUdp = 17, kSctp = 132 };

// Returns "TCP", "UDP" or "SCTP", as Kubernetes spells them.
absl::string_view ProtocolName(Protocol protocol);
std::optional<Protocol> ParseProtocol(absl::string_view name);

}  // namespace shunt::model

#endif  // SHUNT_MODEL_NAMES_H_
