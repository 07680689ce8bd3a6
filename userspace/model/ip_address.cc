// SPDX-License-Identifier: Apache-2.0
#include "userspace/model/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace shunt::model {
namespace {

constexpr size_t kV4Offset = 12;   // of the IPv4 address within its v4-mapped form
constexpr int kV4PrefixBits = 96;  // length of ::ffff:0:0/96
constexpr size_t kTextLengthMax = INET6_ADDRSTRLEN - 1;

constexpr std::array<uint8_t, kV4Offset> kV4Mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// Consumes a decimal number of at most `max` from the front of `text`; leading zeros do not count.
std::optional<uint32_t> ConsumeDecimal(absl::string_view& text, uint32_t max) {
  size_t used = 0;
  uint32_t value = 0;
  while (used < text.size() && absl::ascii_isdigit(text[used])) {
    value = value * 10 + static_cast<uint32_t>(text[used] - '0');
    if (value > max) return std::nullopt;
    ++used;
  }
  if (used == 0) return std::nullopt;
  text.remove_prefix(used);
  return value;
}

std::optional<IpAddress> ParseV4(absl::string_view text) {
  uint32_t host_order = 0;
  for (int octet = 0; octet < 4; ++octet) {
    if (octet > 0) {
      if (text.empty() || text.front() != '.') return std::nullopt;
      text.remove_prefix(1);
    }
    const std::optional<uint32_t> value = ConsumeDecimal(text, 255);
    if (!value) return std::nullopt;
    host_order = host_order << 8 | *value;
  }
  if (!text.empty()) return std::nullopt;
  return IpAddress::FromV4(host_order);
}

std::optional<IpAddress> ParseV6(absl::string_view text) {
  if (text.size() > kTextLengthMax || text.find('\0') != absl::string_view::npos) return std::nullopt;
  char terminated[kTextLengthMax + 1] = {};
  std::memcpy(terminated, text.data(), text.size());
  std::array<uint8_t, 16> bytes;
  if (inet_pton(AF_INET6, terminated, bytes.data()) != 1) return std::nullopt;
  return IpAddress(bytes);
}

struct Run {
  int first = 0;
  int length = 0;
};

// Returns the run of zero groups that RFC 5952 writes as "::": the longest, the first of equals, never a single group.
Run LongestZeroRun(const std::array<uint16_t, 8>& groups) {
  Run best;
  Run current;
  for (int i = 0; i < 8; ++i) {
    if (groups[i] != 0) {
      current.length = 0;
      continue;
    }
    if (current.length == 0) current.first = i;
    ++current.length;
    if (current.length > best.length) best = current;
  }
  return best.length >= 2 ? best : Run{};
}

// Used instead of inet_ntop, which writes the deprecated v4-compatible addresses (::102:304) with dots.
std::string V6ToString(const std::array<uint8_t, 16>& bytes) {
  std::array<uint16_t, 8> groups;
  for (size_t i = 0; i < groups.size(); ++i) groups[i] = static_cast<uint16_t>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
  const Run zeros = LongestZeroRun(groups);
  std::string text;
  for (int i = 0; i < 8; ++i) {
    if (zeros.length > 0 && i == zeros.first) {
      text += "::";
      i += zeros.length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    absl::StrAppend(&text, absl::Hex(groups[i]));
  }
  return text;
}

}  // namespace

std::optional<IpAddress> IpAddress::Parse(absl::string_view text) {
  return text.find(':') == absl::string_view::npos ? ParseV4(text) : ParseV6(text);
}

IpAddress IpAddress::FromV4(uint32_t host_order) {
  std::array<uint8_t, 16> bytes;
  std::copy(kV4Mapped.begin(), kV4Mapped.end(), bytes.begin());
  for (size_t i = 0; i < 4; ++i) bytes[kV4Offset + i] = static_cast<uint8_t>(host_order >> (24 - 8 * i));
  return IpAddress(bytes);
}

IpAddress IpAddress::Unspecified(IpFamily family) {
  return family == IpFamily::kV4 ? FromV4(0) : IpAddress();
}

bool IpAddress::IsV4() const {
  return std::memcmp(bytes_.data(), kV4Mapped.data(), kV4Mapped.size()) == 0;
}

bool IpAddress::IsUnspecified() const {
  return *this == Unspecified(family());
}

bool IpAddress::IsLoopback() const {
  if (IsV4()) return bytes_[kV4Offset] == 127;
  constexpr std::array<uint8_t, 16> kLoopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return bytes_ == kLoopback;
}

bool IpAddress::IsLinkLocal() const {
  if (IsV4()) return bytes_[kV4Offset] == 169 && bytes_[kV4Offset + 1] == 254;
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::IsMulticast() const {
  return IsV4() ? (bytes_[kV4Offset] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}

bool IpAddress::IsLinkLocalMulticast() const {
  if (IsV4()) return bytes_[kV4Offset] == 224 && bytes_[kV4Offset + 1] == 0 && bytes_[kV4Offset + 2] == 0;
  return bytes_[0] == 0xff && (bytes_[1] & 0x0f) == 0x02;
}

std::string IpAddress::ToString() const {
  if (!IsV4()) return V6ToString(bytes_);
  return absl::StrCat(bytes_[kV4Offset], ".", bytes_[kV4Offset + 1], ".", bytes_[kV4Offset + 2], ".",
                      bytes_[kV4Offset + 3]);
}

std::string IpAddress::ToStringWithPort(uint16_t port) const {
  return IsV4() ? absl::StrCat(ToString(), ":", port) : absl::StrCat("[", ToString(), "]:", port);
}

std::optional<IpPrefix> IpPrefix::Parse(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  const size_t slash = text.find('/');
  if (slash == absl::string_view::npos) return std::nullopt;
  const absl::string_view address_text = text.substr(0, slash);
  absl::string_view length_text = text.substr(slash + 1);
  const std::optional<IpAddress> address = IpAddress::Parse(address_text);
  if (!address) return std::nullopt;
  // The text, not the value, says how the length counts: ::ffff:10.0.0.0/104 is 10.0.0.0/8.
  const bool dotted = address_text.find(':') == absl::string_view::npos;
  const std::optional<uint32_t> length = ConsumeDecimal(length_text, dotted ? 32 : 128);
  if (!length || !length_text.empty()) return std::nullopt;

  return IpPrefix(*address, static_cast<uint8_t>(*length + (dotted ? kV4PrefixBits : 0)));
}

IpPrefix::IpPrefix(const IpAddress& address, uint8_t length) : length_(length) {
  std::array<uint8_t, 16> bytes = address.bytes();
  for (int i = 0; i < 16; ++i) {
    const int kept_bits = std::clamp(length - 8 * i, 0, 8);
    bytes[i] &= static_cast<uint8_t>(0xff00 >> kept_bits);
  }
  address_ = IpAddress(bytes);
}

bool IpPrefix::Contains(const IpAddress& address) const {
  if (address.family() != family()) return false;
  const int whole_bytes = length_ / 8;
  if (std::memcmp(address.bytes().data(), address_.bytes().data(), whole_bytes) != 0) return false;
  const int rest_bits = length_ % 8;
  if (rest_bits == 0) return true;
  const uint8_t mask = static_cast<uint8_t>(0xff00 >> rest_bits);
  return ((address.bytes()[whole_bytes] ^ address_.bytes()[whole_bytes]) & mask) == 0;
}

std::string IpPrefix::ToString() const {
  return absl::StrCat(address_.ToString(), "/", address_.IsV4() ? length_ - kV4PrefixBits : length_);
}

}  // namespace shunt::model
