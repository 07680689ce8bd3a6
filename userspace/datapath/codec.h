// SPDX-License-Identifier: Apache-2.0
// Between values of the model and the structs of bpf/abi.h. Every struct comes out with its padding zero,
// because padding is part of hash keys.
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
// The key of the row about an address itself: port 0, protocol 0.
shunt_frontend_key EncodeAddressKey(const model::IpAddress& address);
// The protocol of an address row is undefined.
model::FrontendAddress DecodeFrontend(const shunt_frontend_key& key);
inline bool IsAddressKey(const shunt_frontend_key& key) {
  return key.port == 0 && key.protocol == 0;
}
// The unspecified address of either family: a NodePort's key.
bool IsWildcard(const shunt_address& address);

shunt_backend EncodeBackend(const model::SocketAddress& backend);
model::SocketAddress DecodeBackend(const shunt_backend& backend);

// What a pool's word says of new connections.
shunt_pool_empty EncodeEmpty(const model::Pool& pool);
// Member i's slot: its own and whole, without a share, where nobody has one.
shunt_slot EncodeSlot(const model::Pool& pool, uint32_t i, absl::Span<const uint32_t> members);

// Who a service port is. Two PortPlans of one Service never share one.
struct ServicePortIdentity {
  model::ObjectName service;
  std::string port_name;
  uint16_t port = 0;  // host order
  model::Protocol protocol = model::Protocol::kTcp;
  model::IpFamily family = model::IpFamily::kV4;

  friend bool operator==(const ServicePortIdentity&, const ServicePortIdentity&) = default;
};

// Empty: a name is longer than the ABI holds (Kubernetes allows 63 characters), empty, or has a NUL in it.
std::optional<shunt_service_port> EncodeServicePort(const ServicePortIdentity& identity);
// Empty: the row is free, or no identity that EncodeServicePort could have made.
std::optional<ServicePortIdentity> DecodeServicePort(const shunt_service_port& row);

// Writes zero to the counters of one index: a row for every CPU, `stride` apart (bpf/abi.h).
absl::Status ZeroCounters(Table& counters, uint32_t stride, uint32_t index);

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
