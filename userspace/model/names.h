// SPDX-License-Identifier: Apache-2.0
// The small words that every layer uses: who an object is, and which transport protocol is meant.
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

// "TCP", "UDP", "SCTP": Kubernetes' spelling.
absl::string_view ProtocolName(Protocol protocol);
std::optional<Protocol> ParseProtocol(absl::string_view name);

}  // namespace shunt::model

#endif  // SHUNT_MODEL_NAMES_H_
