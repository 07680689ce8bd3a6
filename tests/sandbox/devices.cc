// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/devices.h"

#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/sandbox/netlink_request.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::sandbox {
namespace {

using model::IpAddress;

constexpr uint8_t kRunning = 6;  // IF_OPER_UP of linux/if.h, which cannot be included beside net/if.h

uint32_t IndexOf(absl::string_view name) {
  return if_nametoindex(std::string(name).c_str());
}

// Calls ioctl(2) for a device; returns 0 or a positive errno.
template <typename Fill>
int DeviceCall(unsigned long call, absl::string_view name, ifreq* request, Fill fill) {
  const posix::FileDescriptor fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.ok()) return errno;
  *request = {};
  name.copy(request->ifr_name, sizeof request->ifr_name - 1);
  fill(request);
  return ioctl(fd.get(), call, request) < 0 ? errno : 0;
}

absl::Status AddLink(absl::string_view name, absl::string_view kind, const Attributes& settings) {
  Attributes info, attributes;
  info.Add(IFLA_INFO_KIND, kind.data(), kind.size());
  if (!settings.bytes().empty()) info.Add(IFLA_INFO_DATA, settings);
  attributes.AddText(IFLA_IFNAME, name);
  attributes.Add(IFLA_LINKINFO, info);
  return Outcome(SendRequest(RTM_NEWLINK, ifinfomsg{}, attributes), absl::StrCat("add the ", kind, " device ", name));
}

absl::Status ChangeLink(absl::string_view name, uint16_t type, uint32_t value, absl::string_view what) {
  ifinfomsg header = {};
  header.ifi_index = static_cast<int>(IndexOf(name));
  Attributes attributes;
  attributes.AddInteger(type, value);
  return Outcome(SendRequest(RTM_SETLINK, header, attributes), what);
}

// IF_OPER_*, read under the lock under which the kernel activates a device.
absl::StatusOr<uint8_t> OperationalState(absl::string_view name) {
  ifinfomsg header = {};
  header.ifi_index = static_cast<int>(IndexOf(name));
  std::vector<char> answer;
  const int error = AskFor(RTM_GETLINK, &header, sizeof header, &answer);
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("read the state of ", name));
  for (size_t at = NLMSG_SPACE(sizeof header); at + sizeof(rtattr) <= answer.size();) {
    rtattr attribute;
    std::memcpy(&attribute, answer.data() + at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute) break;
    if (attribute.rta_type == IFLA_OPERSTATE) return static_cast<uint8_t>(answer[at + sizeof attribute]);
    at += RTA_ALIGN(attribute.rta_len);
  }
  return absl::InternalError(absl::StrCat("the kernel tells no state of ", name));
}

}  // namespace

std::optional<Prefix> Prefix::Parse(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  const auto address = IpAddress::Parse(parts[0]);
  uint32_t length = 0;
  if (parts.size() != 2 || !address || !absl::SimpleAtoi(parts[1], &length) || length > (address->IsV4() ? 32 : 128)) {
    return std::nullopt;
  }
  return Prefix{*address, static_cast<uint8_t>(length)};
}

absl::Status AddVethPair(absl::string_view name, absl::string_view peer, int peer_fd) {
  Attributes other, settings;
  other.AddHeader(ifinfomsg{});
  other.AddText(IFLA_IFNAME, peer);
  other.AddInteger(IFLA_NET_NS_FD, peer_fd);
  settings.Add(VETH_INFO_PEER, other);
  return AddLink(name, "veth", settings);
}

absl::Status AddBridge(absl::string_view name) {
  return AddLink(name, "bridge", {});
}

absl::Status AddVxlan(absl::string_view name, uint32_t id, const IpAddress& local, uint16_t port) {
  Attributes settings;
  settings.AddInteger(IFLA_VXLAN_ID, id);
  settings.AddAddress(local.IsV4() ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, local);
  settings.AddInteger(IFLA_VXLAN_PORT, static_cast<uint16_t>(port >> 8 | port << 8));
  settings.AddInteger(IFLA_VXLAN_LEARNING, uint8_t{0});
  return AddLink(name, "vxlan", settings);
}

absl::Status DeleteDevice(absl::string_view name) {
  ifinfomsg header = {};
  header.ifi_index = static_cast<int>(IndexOf(name));
  return Outcome(SendRequest(RTM_DELLINK, header, {}), absl::StrCat("delete ", name));
}

absl::Status SetDeviceUp(absl::string_view name) {
  ifinfomsg header = {};
  header.ifi_index = static_cast<int>(IndexOf(name));
  header.ifi_flags = header.ifi_change = IFF_UP;
  return Outcome(SendRequest(RTM_SETLINK, header, {}), absl::StrCat("set ", name, " up"));
}

absl::Status WaitUntilRunning(absl::string_view name) {
  for (int i = 0; i < 10'000; ++i) {
    const absl::StatusOr<uint8_t> state = OperationalState(name);
    if (!state.ok()) return state.status();
    if (*state == kRunning) return absl::OkStatus();
    usleep(1000);
  }
  return absl::DeadlineExceededError(absl::StrCat("the device ", name, " is up, but does not run"));
}

absl::Status SetMtu(absl::string_view name, uint32_t mtu) {
  return ChangeLink(name, IFLA_MTU, mtu, absl::StrCat("set the MTU of ", name, " to ", mtu));
}

absl::Status SetMaster(absl::string_view name, absl::string_view bridge) {
  return ChangeLink(name, IFLA_MASTER, IndexOf(bridge), absl::StrCat("make ", name, " a port of ", bridge));
}

absl::StatusOr<Mac> MacOf(absl::string_view name) {
  ifreq request;
  const int error = DeviceCall(SIOCGIFHWADDR, name, &request, [](ifreq*) {});
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("read the MAC address of ", name));
  Mac mac;
  std::memcpy(mac.data(), request.ifr_hwaddr.sa_data, mac.size());
  return mac;
}

absl::Status SetMac(absl::string_view name, const Mac& mac) {
  ifreq request;
  const int error = DeviceCall(SIOCSIFHWADDR, name, &request, [&mac](ifreq* call) {
    call->ifr_hwaddr.sa_family = ARPHRD_ETHER;
    std::memcpy(call->ifr_hwaddr.sa_data, mac.data(), mac.size());
  });
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("set the MAC address of ", name));
  return absl::OkStatus();
}

absl::Status SetOffloads(absl::string_view name, bool on) {
  // Segmentation needs scatter-gather and checksums, so they go off in this order and on in the reverse one.
  std::vector<uint32_t> calls = {ETHTOOL_SGRO, ETHTOOL_STSO,    ETHTOOL_SGSO,
                                 ETHTOOL_SSG,  ETHTOOL_STXCSUM, ETHTOOL_SRXCSUM};
  if (on) calls = {ETHTOOL_SRXCSUM, ETHTOOL_STXCSUM, ETHTOOL_SSG, ETHTOOL_SGSO, ETHTOOL_STSO, ETHTOOL_SGRO};
  for (const uint32_t call : calls) {
    ethtool_value value = {.cmd = call, .data = on ? 1u : 0u};
    ifreq request;
    const int error =
        DeviceCall(SIOCETHTOOL, name, &request, [&](ifreq* to) { to->ifr_data = reinterpret_cast<char*>(&value); });
    // A device that has no such offload refuses the call, to switch it off too.
    if (error != 0 && error != EOPNOTSUPP) {
      return absl::ErrnoToStatus(error, absl::StrCat("switch offload ", call, " of ", name, on ? " on" : " off"));
    }
  }
  return absl::OkStatus();
}

absl::Status AddDeviceAddress(absl::string_view name, absl::string_view prefix) {
  const std::optional<Prefix> parsed = Prefix::Parse(prefix);
  if (!parsed) return absl::InvalidArgumentError(absl::StrCat("address ", prefix, ": not a prefix"));
  ifaddrmsg header = {};
  header.ifa_family = FamilyOf(parsed->address);
  header.ifa_prefixlen = parsed->length;
  header.ifa_flags = IFA_F_NODAD;
  header.ifa_index = IndexOf(name);
  Attributes attributes;
  attributes.AddAddress(IFA_LOCAL, parsed->address);
  attributes.AddAddress(IFA_ADDRESS, parsed->address);
  return Outcome(SendRequest(RTM_NEWADDR, header, attributes), absl::StrCat("add ", prefix, " to ", name));
}

absl::Status AddRoute(const Route& route) {
  const std::string what = absl::StrCat("add a route to ", route.to, " via '", route.via, "' by ", route.device);
  const std::optional<Prefix> to = Prefix::Parse(route.to);
  const auto via = IpAddress::Parse(route.via);
  if (!to || (!route.via.empty() && !via)) return absl::InvalidArgumentError(absl::StrCat(what, ": malformed"));
  rtmsg header = {};
  header.rtm_family = FamilyOf(to->address);
  header.rtm_dst_len = to->length;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = via || !to->address.IsV4() ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  header.rtm_type = RTN_UNICAST;
  header.rtm_flags = route.onlink ? RTNH_F_ONLINK : 0;
  Attributes attributes;
  if (to->length != 0) attributes.AddAddress(RTA_DST, to->address);
  if (via) attributes.AddAddress(RTA_GATEWAY, *via);
  attributes.AddInteger(RTA_OIF, IndexOf(route.device));
  if (route.mtu != 0) {
    Attributes metrics;
    metrics.AddInteger(RTAX_MTU, route.mtu);
    attributes.Add(RTA_METRICS, metrics);
  }
  return Outcome(SendRequest(RTM_NEWROUTE, header, attributes), what);
}

absl::Status AddNeighbour(absl::string_view device, absl::string_view address, const Mac& mac) {
  const std::string what = absl::StrCat("add the neighbour ", address, " of ", device);
  const auto parsed = IpAddress::Parse(address);
  if (!parsed) return absl::InvalidArgumentError(absl::StrCat(what, ": malformed"));
  ndmsg header = {};
  header.ndm_family = FamilyOf(*parsed);
  header.ndm_ifindex = static_cast<int>(IndexOf(device));
  header.ndm_state = NUD_PERMANENT;
  Attributes attributes;
  attributes.AddAddress(NDA_DST, *parsed);
  attributes.Add(NDA_LLADDR, mac.data(), mac.size());
  return Outcome(SendRequest(RTM_NEWNEIGH, header, attributes), what);
}

absl::Status AddForwardingEntry(absl::string_view device, const Mac& mac, const IpAddress& remote) {
  ndmsg header = {};
  header.ndm_family = AF_BRIDGE;
  header.ndm_ifindex = static_cast<int>(IndexOf(device));
  header.ndm_state = NUD_PERMANENT | NUD_NOARP;
  header.ndm_flags = NTF_SELF;
  Attributes attributes;
  attributes.Add(NDA_LLADDR, mac.data(), mac.size());
  attributes.AddAddress(NDA_DST, remote);
  return Outcome(SendRequest(RTM_NEWNEIGH, header, attributes),
                 absl::StrCat("tell ", device, " of ", remote.ToString()));
}

absl::Status SetSysctl(absl::string_view path, absl::string_view value) {
  const std::string file = absl::StrCat("/proc/sys/net/", path);
  const posix::FileDescriptor fd(open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd.ok() || write(fd.get(), value.data(), value.size()) < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("write ", value, " to ", file));
  }
  return absl::OkStatus();
}

}  // namespace shunt::sandbox
