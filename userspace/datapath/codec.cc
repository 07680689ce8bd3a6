// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/codec.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace shunt::datapath {
namespace {

// Of a shunt_source_key, before those of the address.
constexpr uint32_t kListBits = 8 * sizeof(uint32_t);

// Returns false if the text has a NUL or does not fit together with one. REQUIRES: `field` is zero.
template <size_t size>
bool EncodeText(absl::string_view text, char (&field)[size]) {
  if (text.size() >= size || text.find('\0') != absl::string_view::npos) return false;
  std::copy(text.begin(), text.end(), field);
  return true;
}

// Returns nothing if the field is not NUL-terminated, or if a byte behind the NUL is not zero.
template <size_t size>
std::optional<std::string> DecodeText(const char (&field)[size]) {
  const char* const end = std::find(field, field + size, '\0');
  if (end == field + size || std::any_of(end, field + size, [](char c) { return c != '\0'; })) return std::nullopt;
  return std::string(field, end);
}

}  // namespace

shunt_address EncodeAddress(const model::IpAddress& address) {
  shunt_address encoded = {};
  static_assert(sizeof(encoded) == sizeof(address.bytes()));
  std::memcpy(&encoded, address.bytes().data(), sizeof(encoded));
  return encoded;
}

model::IpAddress DecodeAddress(const shunt_address& address) {
  return model::IpAddress(FromBytes<std::array<uint8_t, 16>>(BytesOf(address)));
}

shunt_frontend_key EncodeFrontend(const model::FrontendAddress& address) {
  shunt_frontend_key key = {};
  key.address = EncodeAddress(address.address);
  key.port = htons(address.port);
  key.protocol = static_cast<uint8_t>(address.protocol);
  return key;
}

shunt_frontend_key EncodeAddressKey(const model::IpAddress& address) {
  shunt_frontend_key key = {};
  key.address = EncodeAddress(address);
  return key;
}

model::FrontendAddress DecodeFrontend(const shunt_frontend_key& key) {
  return {.address = DecodeAddress(key.address),
          .port = ntohs(key.port),
          .protocol = static_cast<model::Protocol>(key.protocol)};
}

bool IsWildcard(const shunt_address& address) {
  return address.word[0] == 0 && address.word[1] == 0 && address.word[3] == 0 &&
         (address.word[2] == 0 || address.word[2] == htonl(0xffff));
}

shunt_source_key EncodeSource(uint32_t list, const model::IpPrefix& range) {
  shunt_source_key key = {};
  key.prefix_length = kListBits + range.length();
  key.list = list;
  key.address = EncodeAddress(range.address());
  return key;
}

std::optional<model::IpPrefix> DecodeSource(const shunt_source_key& key) {
  constexpr uint32_t kAddressBits = 8 * sizeof(key.address);
  if (key.prefix_length < kListBits || key.prefix_length > kListBits + kAddressBits) return std::nullopt;
  const model::IpPrefix range(DecodeAddress(key.address), static_cast<uint8_t>(key.prefix_length - kListBits));
  if (range.address() != DecodeAddress(key.address)) return std::nullopt;
  return range;
}

shunt_backend EncodeBackend(const model::SocketAddress& backend) {
  shunt_backend row = {};
  row.address = EncodeAddress(backend.address);
  row.port = htons(backend.port);
  row.in_use = 1;
  return row;
}

model::SocketAddress DecodeBackend(const shunt_backend& backend) {
  return {.address = DecodeAddress(backend.address), .port = ntohs(backend.port)};
}

model::SocketAddress DecodeSocketAddress(const shunt_address& address, __be16 port) {
  return DecodeBackend({.address = address, .port = port});
}

shunt_pool_empty EncodeEmpty(const model::Pool& pool) {
  if (!pool.slots.empty()) return SHUNT_EMPTY_NOT;
  return pool.empty == model::EmptyPool::kLocalMiss ? SHUNT_EMPTY_LOCAL_MISS : SHUNT_EMPTY_NO_ENDPOINTS;
}

shunt_slot EncodeSlot(const model::Pool& pool, uint32_t i, absl::Span<const uint32_t> members) {
  const model::AliasSlot slot = pool.slots.empty() ? model::AliasSlot{i, i, 0} : pool.slots[i];
  return {.backend = members[i], .alias = members[slot.alias], .threshold = slot.threshold, .pad = 0};
}

std::optional<shunt_service_port> EncodeServicePort(const ServicePortIdentity& identity) {
  shunt_service_port row = {};
  if (identity.service.namespace_name.empty() || identity.service.name.empty() ||
      !EncodeText(identity.service.namespace_name, row.namespace_name) ||
      !EncodeText(identity.service.name, row.service_name) || !EncodeText(identity.port_name, row.port_name)) {
    return std::nullopt;
  }
  row.port = identity.port;
  row.protocol = static_cast<uint8_t>(identity.protocol);
  row.family = static_cast<uint8_t>(identity.family);
  return row;
}

std::optional<ServicePortIdentity> DecodeServicePort(const shunt_service_port& row) {
  const bool known_family = row.family == static_cast<uint8_t>(model::IpFamily::kV4) ||
                            row.family == static_cast<uint8_t>(model::IpFamily::kV6);
  const bool known_protocol = row.protocol == static_cast<uint8_t>(model::Protocol::kTcp) ||
                              row.protocol == static_cast<uint8_t>(model::Protocol::kUdp) ||
                              row.protocol == static_cast<uint8_t>(model::Protocol::kSctp);
  std::optional<std::string> namespace_name = DecodeText(row.namespace_name);
  std::optional<std::string> service_name = DecodeText(row.service_name);
  std::optional<std::string> port_name = DecodeText(row.port_name);
  if (!known_family || !known_protocol || !namespace_name || !service_name || !port_name || namespace_name->empty() ||
      service_name->empty()) {
    return std::nullopt;
  }
  return ServicePortIdentity{.service = {*std::move(namespace_name), *std::move(service_name)},
                             .port_name = *std::move(port_name),
                             .port = row.port,
                             .protocol = static_cast<model::Protocol>(row.protocol),
                             .family = static_cast<model::IpFamily>(row.family)};
}

absl::Status ZeroCounters(Table& counters, uint32_t stride, absl::Span<const uint32_t> indices) {
  if (indices.empty()) return absl::OkStatus();
  const std::vector<std::byte> zero(counters.value_size());
  for (uint32_t cpu = 0; cpu < counters.capacity() / stride; ++cpu) {
    for (const uint32_t index : indices) {
      if (absl::Status status = counters.Store(cpu * stride + index, zero); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace shunt::datapath
