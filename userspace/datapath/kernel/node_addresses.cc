// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/node_addresses.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "userspace/datapath/kernel/kernel_error.h"

namespace shunt::datapath {
namespace {

// What rtnetlink fills at most per read of a dump.
constexpr size_t kDatagramBytes = 32 * 1024;

absl::StatusOr<posix::FileDescriptor> OpenNetlink(int flags, uint32_t groups) {
  posix::FileDescriptor fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE));
  if (!fd.ok()) return KernelError(errno, "node addresses: open a netlink socket");
  sockaddr_nl local{};
  local.nl_family = AF_NETLINK;
  local.nl_groups = groups;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof(local)) != 0) {
    return KernelError(errno, "node addresses: bind a netlink socket");
  }
  return fd;
}

std::optional<model::IpAddress> AddressOf(const rtattr* attribute, int family) {
  std::array<uint8_t, 16> bytes{};
  const auto* payload = static_cast<const uint8_t*>(RTA_DATA(attribute));
  if (family == AF_INET && RTA_PAYLOAD(attribute) == 4) {
    bytes[10] = bytes[11] = 0xff;
    std::copy_n(payload, 4, bytes.begin() + 12);
    return model::IpAddress(bytes);
  }
  if (family == AF_INET6 && RTA_PAYLOAD(attribute) == 16) {
    std::copy_n(payload, 16, bytes.begin());
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

std::optional<InterfaceAddress> ParseAddress(const nlmsghdr* header) {
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof(ifaddrmsg))) return std::nullopt;
  auto* message = static_cast<ifaddrmsg*>(NLMSG_DATA(header));
  uint32_t flags = message->ifa_flags;
  // On a point-to-point link ADDRESS is the peer's and LOCAL is ours; IPv6 mostly has ADDRESS alone.
  std::optional<model::IpAddress> local, address;
  int rest = static_cast<int>(IFA_PAYLOAD(header));
  for (rtattr* attribute = IFA_RTA(message); RTA_OK(attribute, rest); attribute = RTA_NEXT(attribute, rest)) {
    if (attribute->rta_type == IFA_LOCAL) local = AddressOf(attribute, message->ifa_family);
    if (attribute->rta_type == IFA_ADDRESS) address = AddressOf(attribute, message->ifa_family);
    if (attribute->rta_type == IFA_FLAGS && RTA_PAYLOAD(attribute) == sizeof(flags)) {
      std::memcpy(&flags, RTA_DATA(attribute), sizeof(flags));
    }
  }
  const bool tentative = (flags & IFA_F_TENTATIVE) != 0 && (flags & IFA_F_OPTIMISTIC) == 0;
  if (tentative || (flags & IFA_F_DADFAILED) != 0) return std::nullopt;
  if (!local.has_value()) local = address;
  const std::optional<NodeAddress> own = local.has_value() ? NodeAddressOf(*local) : std::nullopt;
  if (!own.has_value()) return std::nullopt;
  return InterfaceAddress{message->ifa_index, *own};
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
  // Netlink messages are aligned to 4; copying guards against a buffer that is not.
  std::vector<uint32_t> aligned(length / 4 + 1);
  std::memcpy(aligned.data(), bytes, length);
  auto rest = static_cast<uint32_t>(length);
  for (auto* header = reinterpret_cast<nlmsghdr*>(aligned.data()); NLMSG_OK(header, rest);
       header = NLMSG_NEXT(header, rest)) {
    if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0) dump->interrupted = true;
    if (header->nlmsg_type == NLMSG_DONE) {
      dump->done = true;
      return absl::OkStatus();
    }
    if (header->nlmsg_type == NLMSG_ERROR) {
      int error = EIO;
      if (header->nlmsg_len >= NLMSG_LENGTH(sizeof(error))) std::memcpy(&error, NLMSG_DATA(header), sizeof(error));
      return KernelError(error, "node addresses: the kernel's answer to RTM_GETADDR");
    }
    if (header->nlmsg_type != RTM_NEWADDR) continue;
    if (std::optional<InterfaceAddress> address = ParseAddress(header)) dump->addresses.push_back(*address);
  }
  return absl::OkStatus();
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

std::vector<NodeAddress> AddressesBut(const std::vector<uint32_t>& left_out, const AddressDump& dump) {
  std::vector<NodeAddress> addresses;
  addresses.reserve(dump.addresses.size());
  for (const InterfaceAddress& found : dump.addresses) {
    if (std::find(left_out.begin(), left_out.end(), found.interface) != left_out.end()) continue;
    addresses.push_back(found.address);
  }
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

absl::StatusOr<NodeAddressWatch> NodeAddressWatch::Open() {
  absl::StatusOr<posix::FileDescriptor> fd = OpenNetlink(SOCK_NONBLOCK, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
  if (!fd.ok()) return fd.status();
  return NodeAddressWatch(*std::move(fd));
}

absl::StatusOr<bool> NodeAddressWatch::Drain() {
  bool changed = false;
  char datagram[4096];
  for (;;) {
    const ssize_t length = recv(notifications_.get(), datagram, sizeof(datagram), MSG_TRUNC);
    if (length >= 0) {
      // What else changed does not matter, because the caller reads all addresses again.
      const bool is_whole = static_cast<size_t>(length) <= sizeof(datagram);
      changed |= !is_whole || !IsOnlyAbout(service_devices_, datagram, static_cast<size_t>(length));
    } else if (errno == ENOBUFS) {
      changed = true;
    } else if (errno == EAGAIN) {
      return changed;
    } else if (errno != EINTR) {
      return KernelError(errno, "node addresses: read notifications");
    }
  }
}

absl::StatusOr<std::vector<NodeAddress>> NodeAddressWatch::Read() {
  absl::StatusOr<posix::FileDescriptor> fd = OpenNetlink(0, 0);
  if (!fd.ok()) return fd.status();
  struct {
    nlmsghdr header;
    ifaddrmsg message;
  } request{};
  request.header.nlmsg_len = NLMSG_LENGTH(sizeof(request.message));
  request.header.nlmsg_type = RTM_GETADDR;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.message.ifa_family = AF_UNSPEC;
  if (send(fd->get(), &request, request.header.nlmsg_len, 0) < 0) {
    return KernelError(errno, "node addresses: send RTM_GETADDR");
  }
  AddressDump dump;
  std::vector<char> datagram(kDatagramBytes);
  while (!dump.done) {
    ssize_t length = recv(fd->get(), datagram.data(), datagram.size(), MSG_TRUNC);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return KernelError(errno, "node addresses: read the answer to RTM_GETADDR");
    if (static_cast<size_t>(length) > datagram.size()) {
      return absl::InternalError("node addresses: an answer to RTM_GETADDR longer than the kernel sends");
    }
    absl::Status status = ParseAddressMessages(datagram.data(), static_cast<size_t>(length), &dump);
    if (!status.ok()) return status;
  }
  if (dump.interrupted) return absl::UnavailableError("node addresses: they changed while being read");
  // After the dump, so that every device whose addresses are in it exists. One that is removed meanwhile announces it.
  service_devices_ = ServiceDevices();
  return AddressesBut(service_devices_, dump);
}

}  // namespace shunt::datapath
