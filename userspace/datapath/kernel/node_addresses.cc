// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/node_addresses.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/string_view.h"
#include "userspace/datapath/kernel/route_socket.h"

namespace shunt::datapath {
namespace {

constexpr char kWhat[] = "node addresses";

std::optional<model::IpAddress> AddressOf(absl::string_view value, int family) {
  std::array<uint8_t, 16> bytes{};
  if (family == AF_INET && value.size() == 4) {
    bytes[10] = bytes[11] = 0xff;
    std::copy(value.begin(), value.end(), bytes.begin() + 12);
    return model::IpAddress(bytes);
  }
  if (family == AF_INET6 && value.size() == 16) {
    std::copy(value.begin(), value.end(), bytes.begin());
    return model::IpAddress(bytes);
  }
  return std::nullopt;
}

// Returns nullopt if NodePorts do not answer on the address.
std::optional<NodeAddress> NodeAddressOf(const model::IpAddress& address) {
  if (address.IsLoopback()) {
    const bool first = address == model::IpAddress::FromV4(0x7f000001) || !address.IsV4();
    return first ? std::optional<NodeAddress>(NodeAddress{address, true}) : std::nullopt;
  }
  if (!address.IsV4() && address.IsLinkLocal()) return std::nullopt;
  return NodeAddress{address, false};
}

std::optional<InterfaceAddress> ParseAddress(const nlmsghdr& header) {
  if (header.nlmsg_len < NLMSG_LENGTH(sizeof(ifaddrmsg))) return std::nullopt;
  const auto* message = static_cast<const ifaddrmsg*>(NLMSG_DATA(&header));
  uint32_t flags = message->ifa_flags;
  // On a point-to-point link ADDRESS is the peer's and LOCAL is ours; IPv6 mostly has ADDRESS alone.
  std::optional<model::IpAddress> local, address;
  ForEachAttribute(header, sizeof(*message), [&](uint16_t type, absl::string_view value) {
    if (type == IFA_LOCAL) local = AddressOf(value, message->ifa_family);
    if (type == IFA_ADDRESS) address = AddressOf(value, message->ifa_family);
    if (type == IFA_FLAGS) flags = ValueOf(value, flags);
  });
  const bool tentative = (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;
  if (tentative || (flags & IFA_F_DADFAILED) != 0) return std::nullopt;
  if (!local.has_value()) local = address;
  const std::optional<NodeAddress> own = local.has_value() ? NodeAddressOf(*local) : std::nullopt;
  if (!own.has_value()) return std::nullopt;
  return InterfaceAddress{.interface = message->ifa_index,
                          .address = *own,
                          .prefix_length = message->ifa_prefixlen,
                          .global = message->ifa_scope == RT_SCOPE_UNIVERSE && !own->host_only,
                          .secondary = (flags & (IFA_F_SECONDARY | IFA_F_DEPRECATED)) != 0};
}

void TakeAddress(const nlmsghdr& header, std::vector<InterfaceAddress>* addresses) {
  if (header.nlmsg_type != RTM_NEWADDR) return;
  if (std::optional<InterfaceAddress> address = ParseAddress(header)) addresses->push_back(*address);
}

// Returns the indices of those of kServiceDevices that exist in this thread's network namespace.
std::vector<uint32_t> ServiceDevices() {
  std::vector<uint32_t> indices;
  for (const char* name : kServiceDevices) {
    if (const unsigned int index = ::if_nametoindex(name); index != 0) indices.push_back(index);
  }
  return indices;
}

}  // namespace

absl::Status ParseAddressMessages(const char* bytes, size_t length, AddressDump* dump) {
  return ParseRouteMessages(kWhat, bytes, length, dump,
                            [dump](const nlmsghdr& header) { TakeAddress(header, &dump->addresses); });
}

bool IsOnlyAbout(const std::vector<uint32_t>& interfaces, const char* bytes, size_t length) {
  size_t offset = 0;
  while (offset < length) {
    nlmsghdr header;
    ifaddrmsg message;
    if (length - offset < NLMSG_LENGTH(sizeof(message))) return false;
    std::memcpy(&header, bytes + offset, sizeof(header));
    std::memcpy(&message, bytes + offset + NLMSG_HDRLEN, sizeof(message));
    const bool of_address = header.nlmsg_type == RTM_NEWADDR || header.nlmsg_type == RTM_DELADDR;
    if (!of_address || header.nlmsg_len < NLMSG_LENGTH(sizeof(message))) return false;
    if (std::find(interfaces.begin(), interfaces.end(), message.ifa_index) == interfaces.end()) return false;
    offset += NLMSG_ALIGN(header.nlmsg_len);
  }
  return offset > 0;
}

std::vector<NodeAddress> AddressesBut(const std::vector<uint32_t>& left_out,
                                      const std::vector<InterfaceAddress>& addresses) {
  std::vector<NodeAddress> kept;
  kept.reserve(addresses.size());
  for (const InterfaceAddress& found : addresses) {
    if (std::find(left_out.begin(), left_out.end(), found.interface) != left_out.end()) continue;
    kept.push_back(found.address);
  }
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  return kept;
}

absl::StatusOr<std::vector<InterfaceAddress>> ReadAddresses() {
  ifaddrmsg all{};
  all.ifa_family = AF_UNSPEC;
  std::vector<InterfaceAddress> addresses;
  absl::Status status = DumpRoute(kWhat, RouteRequest(RTM_GETADDR, NLM_F_DUMP, all),
                                  [&](const nlmsghdr& header) { TakeAddress(header, &addresses); });
  if (!status.ok()) return status;
  return addresses;
}

absl::StatusOr<NodeAddressWatch> NodeAddressWatch::Open() {
  absl::StatusOr<posix::FileDescriptor> fd = OpenRouteAnnouncements(kWhat, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
  if (!fd.ok()) return fd.status();
  return NodeAddressWatch(*std::move(fd));
}

absl::StatusOr<bool> NodeAddressWatch::Drain() {
  bool changed = false;
  // What else changed does not matter, because the caller reads all addresses again.
  const absl::StatusOr<bool> lost = DrainRouteAnnouncements(
      kWhat, fd(), [&](const char* bytes, size_t length) { changed |= !IsOnlyAbout(service_devices_, bytes, length); });
  if (!lost.ok()) return lost;
  return changed || *lost;
}

absl::StatusOr<std::vector<NodeAddress>> NodeAddressWatch::Read() {
  const absl::StatusOr<std::vector<InterfaceAddress>> addresses = ReadAddresses();
  if (!addresses.ok()) return addresses.status();
  // After the dump, so that every device whose addresses are in it exists. One that is removed meanwhile announces it.
  service_devices_ = ServiceDevices();
  return AddressesBut(service_devices_, *addresses);
}

}  // namespace shunt::datapath
