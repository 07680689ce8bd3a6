// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/netlink.h"

#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace shunt::sandbox {
namespace {

using model::IpAddress;

// Attributes under construction, to be nested in others.
class Attributes {
 public:
  template <typename Header>
  void AddHeader(const Header& header) {
    Append(&header, sizeof header);
  }
  void Add(uint16_t type, const void* value, size_t size) {
    rtattr attribute = {};
    attribute.rta_type = type;
    attribute.rta_len = static_cast<uint16_t>(RTA_LENGTH(size));
    Append(&attribute, sizeof attribute);
    Append(value, size);
  }
  void Add(uint16_t type, const Attributes& nested) { Add(type, nested.bytes_.data(), nested.bytes_.size()); }
  const std::vector<char>& bytes() const { return bytes_; }

 private:
  void Append(const void* value, size_t size) {
    const size_t start = bytes_.size();
    bytes_.resize(start + NLMSG_ALIGN(size));
    std::memcpy(bytes_.data() + start, value, size);
  }
  std::vector<char> bytes_;
};

// One request under construction: a netlink header, a family header, attributes.
class Request {
 public:
  template <typename FamilyHeader>
  Request(uint16_t type, const FamilyHeader& header) : bytes_(NLMSG_LENGTH(sizeof header)) {
    nlmsghdr netlink = {};
    netlink.nlmsg_type = type;
    netlink.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
    netlink.nlmsg_seq = 1;
    std::memcpy(bytes_.data(), &netlink, sizeof netlink);
    std::memcpy(bytes_.data() + NLMSG_HDRLEN, &header, sizeof header);
  }

  // Not inlined: where it is, g++ 12 at -O3 loses the vector's new size and warns of a write behind its end.
  [[gnu::noinline]] void AddAttribute(uint16_t type, const void* value, size_t size) {
    rtattr attribute = {};
    attribute.rta_type = type;
    attribute.rta_len = static_cast<uint16_t>(RTA_LENGTH(size));
    const size_t start = NLMSG_ALIGN(bytes_.size());
    bytes_.resize(start + RTA_SPACE(size));
    std::memcpy(bytes_.data() + start, &attribute, sizeof attribute);
    std::memcpy(bytes_.data() + start + RTA_LENGTH(0), value, size);
  }

  // The bytes of the address in its family: 4 or 16.
  void AddAddress(uint16_t type, const IpAddress& address) {
    const auto& bytes = address.bytes();
    if (address.IsV4()) {
      AddAttribute(type, bytes.data() + 12, 4);
    } else {
      AddAttribute(type, bytes.data(), bytes.size());
    }
  }

  // Sends the request and waits for the kernel's answer: 0 or a positive errno.
  int Send() {
    const uint32_t length = static_cast<uint32_t>(bytes_.size());
    std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof length);
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return errno;
    int error = EIO;
    std::vector<char> answer(8192);
    if (send(fd, bytes_.data(), bytes_.size(), 0) < 0 || recv(fd, answer.data(), answer.size(), 0) < 0) {
      error = errno;
    } else {
      nlmsghdr header;
      nlmsgerr verdict;
      std::memcpy(&header, answer.data(), sizeof header);
      std::memcpy(&verdict, answer.data() + NLMSG_HDRLEN, sizeof verdict);
      if (header.nlmsg_type == NLMSG_ERROR) error = -verdict.error;
    }
    close(fd);
    return error;
  }

 private:
  std::vector<char> bytes_;
};

absl::Status Outcome(int error, absl::string_view operation) {
  if (error == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(error, operation);
}

uint8_t FamilyOf(const IpAddress& address) {
  return address.IsV4() ? AF_INET : AF_INET6;
}

// Returns 0 or a positive errno.
int ChangeLoopbackAddress(uint16_t type, const IpAddress& address) {
  ifaddrmsg header = {};
  header.ifa_family = FamilyOf(address);
  header.ifa_prefixlen = address.IsV4() ? 32 : 128;
  header.ifa_flags = IFA_F_NODAD;
  header.ifa_index = if_nametoindex("lo");
  Request request(type, header);
  request.AddAddress(IFA_LOCAL, address);
  request.AddAddress(IFA_ADDRESS, address);
  return request.Send();
}

}  // namespace

absl::Status SetLoopbackUp() {
  return SetDeviceUp("lo");
}

absl::Status SetDeviceUp(absl::string_view name) {
  const std::string what = absl::StrCat("set ", name, " up");
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("open a socket to ", what));
  ifreq request = {};
  name.copy(request.ifr_name, sizeof request.ifr_name - 1);
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const int error = ioctl(fd, SIOCSIFFLAGS, &request) < 0 ? errno : 0;
  close(fd);
  return Outcome(error, what);
}

absl::Status AddVethPair(absl::string_view name, int peer_fd) {
  const std::string zero_ended(name);
  Attributes peer;
  peer.AddHeader(ifinfomsg{});
  peer.Add(IFLA_IFNAME, zero_ended.c_str(), zero_ended.size() + 1);
  peer.Add(IFLA_NET_NS_FD, &peer_fd, sizeof peer_fd);
  Attributes data, info;
  data.Add(VETH_INFO_PEER, peer);
  info.Add(IFLA_INFO_KIND, "veth", 4);
  info.Add(IFLA_INFO_DATA, data);
  Request request(RTM_NEWLINK, ifinfomsg{});
  request.AddAttribute(IFLA_IFNAME, zero_ended.c_str(), zero_ended.size() + 1);
  request.AddAttribute(IFLA_LINKINFO, info.bytes().data(), info.bytes().size());
  return Outcome(request.Send(), absl::StrCat("add a pair of virtual devices ", name));
}

absl::Status AddDeviceAddress(absl::string_view name, const IpAddress& address) {
  ifaddrmsg header = {};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = 24;
  header.ifa_index = if_nametoindex(std::string(name).c_str());
  Request request(RTM_NEWADDR, header);
  request.AddAddress(IFA_LOCAL, address);
  request.AddAddress(IFA_ADDRESS, address);
  return Outcome(request.Send(), absl::StrCat("add ", address.ToString(), " to ", name));
}

absl::Status AddLoopbackAddress(const IpAddress& address) {
  const int error = ChangeLoopbackAddress(RTM_NEWADDR, address);
  return Outcome(error, absl::StrCat("add ", address.ToString(), " to lo"));
}

absl::Status RemoveLoopbackAddress(const IpAddress& address) {
  const int error = ChangeLoopbackAddress(RTM_DELADDR, address);
  return Outcome(error, absl::StrCat("remove ", address.ToString(), " from lo"));
}

absl::Status AddLocalPrefix(absl::string_view prefix) {
  const std::vector<std::string> parts = absl::StrSplit(prefix, '/');
  const auto address = IpAddress::Parse(parts[0]);
  uint32_t length = 0;
  if (parts.size() != 2 || !address || !absl::SimpleAtoi(parts[1], &length)) {
    return absl::InvalidArgumentError(absl::StrCat("local prefix ", prefix, ": not a prefix"));
  }
  rtmsg header = {};
  header.rtm_family = FamilyOf(*address);
  header.rtm_dst_len = static_cast<uint8_t>(length);
  header.rtm_table = RT_TABLE_LOCAL;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_HOST;
  header.rtm_type = RTN_LOCAL;
  Request request(RTM_NEWROUTE, header);
  request.AddAddress(RTA_DST, *address);
  const uint32_t loopback = if_nametoindex("lo");
  request.AddAttribute(RTA_OIF, &loopback, sizeof loopback);
  return Outcome(request.Send(), absl::StrCat("make ", prefix, " local"));
}

}  // namespace shunt::sandbox
