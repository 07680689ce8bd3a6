// SPDX-License-Identifier: Apache-2.0
// Converts between values of the model and the structs of bpf/abi.h. The padding of every struct is zero, because it is
// part of hash keys.
#ifndef SHUNT_DATAPATH_CODEC_H_
#define SHUNT_DATAPATH_CODEC_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "absl/hash/hash.h"
#include "absl/types/span.h"
#include "bpf/abi.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/table.h"
#include "userspace/model/ip_address.h"
#include "userspace/model/names.h"
#include "userspace/model/service_plan.h"

namespace shunt::datapath {

// The bytes of a struct of the ABI or of a word.
template <typename T>
Bytes BytesOf(const T& value) {
  return {reinterpret_cast<const std::byte*>(&value), sizeof(T)};
}
template <typename T>
absl::Span<std::byte> MutableBytesOf(T& value) {
  return {reinterpret_cast<std::byte*>(&value), sizeof(T)};
}
// REQUIRES: bytes.size() == sizeof(T).
template <typename T>
T FromBytes(Bytes bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

shunt_address EncodeAddress(const model::IpAddress& address);
model::IpAddress DecodeAddress(const shunt_address& address);

shunt_frontend_key EncodeFrontend(const model::FrontendAddress& address);
// Returns the key of an address row: port 0, protocol 0.
shunt_frontend_key EncodeAddressKey(const model::IpAddress& address);
// The protocol of an address row is undefined.
model::FrontendAddress DecodeFrontend(const shunt_frontend_key& key);
inline bool IsAddressKey(const shunt_frontend_key& key) {
  return key.port == 0 && key.protocol == 0;
}
// Returns true for the unspecified address of either family, which is a NodePort's key.
bool IsWildcard(const shunt_address& address);

// Returns the key of the prefix under the id of a list.
shunt_source_key EncodeSource(uint32_t list, const model::IpPrefix& range);
// Returns nothing if the key is of no whole list id and a prefix, or has bits set beyond it.
std::optional<model::IpPrefix> DecodeSource(const shunt_source_key& key);

shunt_backend EncodeBackend(const model::SocketAddress& backend);
model::SocketAddress DecodeBackend(const shunt_backend& backend);
model::SocketAddress DecodeSocketAddress(const shunt_address& address, __be16 port);

// Returns what a pool's word says of new connections.
shunt_pool_empty EncodeEmpty(const model::Pool& pool);
// Returns the slot of member i. If no member has a share, it is the member's own, and nothing is drawn from it.
shunt_slot EncodeSlot(const model::Pool& pool, uint32_t i, absl::Span<const uint32_t> members);

// What tells one service port from another. Two PortPlans of one Service never share an identity.
struct ServicePortIdentity {
  model::ObjectName service;
  std::string port_name;
  uint16_t port = 0;  // host order
  model::Protocol protocol = model::Protocol::kTcp;
  model::IpFamily family = model::IpFamily::kV4;

  friend bool operator==(const ServicePortIdentity&, const ServicePortIdentity&) = default;
};

// Returns nothing if a name is longer than the ABI holds (Kubernetes allows 63 characters), is empty, or contains a
// NUL.
std::optional<shunt_service_port> EncodeServicePort(const ServicePortIdentity& identity);
// Returns nothing if the row is free, or is not one that EncodeServicePort could have made.
std::optional<ServicePortIdentity> DecodeServicePort(const shunt_service_port& row);

// Writes zero to the counters of these indices: one row for every CPU, `stride` rows apart (bpf/abi.h). It goes CPU by
// CPU, because the rows of one index are far apart in memory, and there may be hundreds; indices in order are quickest.
absl::Status ZeroCounters(Table& counters, uint32_t stride, absl::Span<const uint32_t> indices);

// For hash containers keyed by frontend keys.
struct FrontendKeyHash {
  size_t operator()(const shunt_frontend_key& key) const {
    const auto words = FromBytes<std::array<uint32_t, 5>>(BytesOf(key));
    return absl::HashOf(words[0], words[1], words[2], words[3], words[4]);
  }
};
struct FrontendKeyEqual {
  bool operator()(const shunt_frontend_key& a, const shunt_frontend_key& b) const {
    return std::memcmp(&a, &b, sizeof(a)) == 0;
  }
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_CODEC_H_
