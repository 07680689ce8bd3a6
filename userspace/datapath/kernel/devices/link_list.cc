// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/devices/link_list.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>

#include "absl/strings/string_view.h"
#include "userspace/datapath/kernel/node_addresses.h"
#include "userspace/datapath/kernel/route_socket.h"

namespace shunt::datapath {
namespace {

constexpr char kWhat[] = "devices";

void TakeAttribute(uint16_t type, absl::string_view value, Link* link) {
  if (type == IFLA_IFNAME) link->name = TextOf(value);
  if (type == IFLA_MASTER) link->master = ValueOf<uint32_t>(value);
  if (type == IFLA_MTU) link->mtu = ValueOf<uint32_t>(value);
  if (type == IFLA_ADDRESS) link->mac = ValueOf<std::array<uint8_t, 6>>(value);
  if (type == IFLA_LINK_NETNSID) link->peer_elsewhere = true;
  if (type != IFLA_LINKINFO) return;
  ForEachAttribute(value, [&](uint16_t part, absl::string_view text) {
    if (part == IFLA_INFO_KIND) link->kind = TextOf(text);
    if (part == IFLA_INFO_SLAVE_KIND) link->master_kind = TextOf(text);
  });
}

}  // namespace

std::optional<Link> ParseLink(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWLINK || message.nlmsg_len < NLMSG_LENGTH(sizeof(ifinfomsg))) return std::nullopt;
  const auto* facts = static_cast<const ifinfomsg*>(NLMSG_DATA(&message));
  if (facts->ifi_family != AF_UNSPEC || facts->ifi_index <= 0) return std::nullopt;
  Link link;
  link.index = static_cast<uint32_t>(facts->ifi_index);
  link.type = facts->ifi_type;
  link.up = (facts->ifi_flags & IFF_UP) != 0;
  link.loopback = (facts->ifi_flags & IFF_LOOPBACK) != 0;
  ForEachAttribute(message, sizeof(*facts),
                   [&](uint16_t type, absl::string_view value) { TakeAttribute(type, value, &link); });
  if (link.name.empty()) return std::nullopt;
  return link;
}

absl::StatusOr<LinkWatch> LinkWatch::Open() {
  absl::StatusOr<posix::FileDescriptor> fd =
      OpenRouteAnnouncements(kWhat, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR);
  if (!fd.ok()) return fd.status();
  return LinkWatch(*std::move(fd));
}

absl::StatusOr<bool> LinkWatch::Drain() {
  bool changed = false;
  const absl::StatusOr<bool> lost = DrainRouteAnnouncements(kWhat, fd(), [&](const char*, size_t) { changed = true; });
  if (!lost.ok()) return lost;
  return changed || *lost;
}

absl::StatusOr<std::vector<Link>> ReadLinks() {
  ifinfomsg all{};
  all.ifi_family = AF_UNSPEC;
  RouteRequest request(RTM_GETLINK, NLM_F_DUMP, all);
  request.AddValue<uint32_t>(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  std::vector<Link> links;
  absl::Status status = DumpRoute(kWhat, request, [&](const nlmsghdr& message) {
    if (std::optional<Link> link = ParseLink(message)) links.push_back(*std::move(link));
  });
  if (!status.ok()) return status;
  std::sort(links.begin(), links.end(), [](const Link& a, const Link& b) { return a.index < b.index; });
  const absl::StatusOr<std::vector<InterfaceAddress>> addresses = ReadAddresses();
  if (!addresses.ok()) return addresses.status();
  for (const InterfaceAddress& found : *addresses) {
    if (!found.global || found.address.address.IsLinkLocal()) continue;
    const auto link =
        std::find_if(links.begin(), links.end(), [&](const Link& one) { return one.index == found.interface; });
    // A device that came between the two dumps is announced.
    if (link == links.end()) continue;
    link->addresses.push_back(LinkAddress{found.address.address, found.prefix_length, found.secondary});
  }
  return links;
}

}  // namespace shunt::datapath
