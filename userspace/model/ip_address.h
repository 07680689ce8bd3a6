// SPDX-License-Identifier: Apache-2.0
// An IP address or prefix of either family as one value of 16 bytes, with IPv4 in its v4-mapped form. Comparisons,
// hashes and maps use those bytes.
#ifndef SHUNT_MODEL_IP_ADDRESS_H_
#define SHUNT_MODEL_IP_ADDRESS_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace shunt::model {

enum class IpFamily : uint8_t { kV4 = 4, kV6 = 6 };

class IpAddress {
 public:
  // The IPv6 unspecified address.
  constexpr IpAddress() = default;
  // Network byte order. A v4-mapped address is IPv4.
  constexpr explicit IpAddress(const std::array<uint8_t, 16>& bytes) : bytes_(bytes) {}

  // Accepts dotted IPv4 and RFC 4291 IPv6 text, without zone or brackets. An IPv4 octet with leading zeros is decimal
  // ("010" is 10), as Kubernetes reads objects older than CVE-2021-29923.
  static std::optional<IpAddress> Parse(absl::string_view text);
  // `host_order`: 0x0a600001 is 10.96.0.1.
  static IpAddress FromV4(uint32_t host_order);
  // 0.0.0.0 or ::.
  static IpAddress Unspecified(IpFamily family);

  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  bool IsV4() const;
  IpFamily family() const { return IsV4() ? IpFamily::kV4 : IpFamily::kV6; }
  bool IsUnspecified() const;  // 0.0.0.0 or ::
  bool IsLoopback() const;     // 127.0.0.0/8 or ::1
  bool IsLinkLocal() const;    // 169.254.0.0/16 or fe80::/10
  bool IsMulticast() const;    // 224.0.0.0/4 or ff00::/8
  // 224.0.0.0/24, or ff02::/16 with any flags: never forwarded beyond the link.
  bool IsLinkLocalMulticast() const;

  // Canonical text: dotted for IPv4, RFC 5952 for IPv6.
  std::string ToString() const;
  // As in a URL or a socket address: 10.0.0.1:80, [fd00::1]:80.
  std::string ToStringWithPort(uint16_t port) const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const IpAddress& a) {
    return H::combine(std::move(h), a.bytes_);
  }

 private:
  std::array<uint8_t, 16> bytes_{};
};

// An address with a prefix length, as in loadBalancerSourceRanges.
class IpPrefix {
 public:
  // Accepts "10.0.0.0/8" or "fd00::/8"; ignores surrounding white space and clears host bits. Refuses an address
  // without a length, as the Kubernetes API does.
  static std::optional<IpPrefix> Parse(absl::string_view text);
  // Clears host bits. REQUIRES: length <= 128; it counts bits of the 128-bit form, so an IPv4 /8 is 104.
  IpPrefix(const IpAddress& address, uint8_t length);

  // False for an address of the other family.
  bool Contains(const IpAddress& address) const;
  const IpAddress& address() const { return address_; }
  // Of the 128-bit form.
  uint8_t length() const { return length_; }
  IpFamily family() const { return address_.family(); }
  std::string ToString() const;

  friend auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const IpPrefix& p) {
    return H::combine(std::move(h), p.address_, p.length_);
  }

 private:
  IpAddress address_;
  uint8_t length_;
};

}  // namespace shunt::model

#endif  // SHUNT_MODEL_IP_ADDRESS_H_
