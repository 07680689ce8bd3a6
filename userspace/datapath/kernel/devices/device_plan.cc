// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/devices/device_plan.h"

#include <fnmatch.h>
#include <linux/if_arp.h>

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/node_addresses.h"

namespace shunt::datapath {
namespace {

using model::IpAddress;
using model::IpFamily;

constexpr const char* kTunnels[] = {"vxlan",  "geneve", "ipip",      "ip6tnl",    "sit",  "gre",
                                    "gretap", "ip6gre", "ip6gretap", "wireguard", "xfrm", "vti"};
// Devices that lead nowhere, and the master of a VRF, whose packets its ports have.
constexpr const char* kWithoutPackets[] = {"dummy", "ifb", "nlmon", "vcan", "vrf", "netdevsim"};

template <typename Names>
bool IsOneOf(const std::string& name, const Names& names) {
  return absl::c_any_of(names, [&](const char* one) { return name == one; });
}

// Returns the bytes of the link-layer header that programs see at tc, or nullopt if they cannot read it.
std::optional<uint8_t> LinkHeader(const Link& link) {
  switch (link.type) {
    case ARPHRD_ETHER:
      return 14;
    case ARPHRD_NONE:
    case ARPHRD_RAWIP:
    case ARPHRD_PPP:
    case ARPHRD_TUNNEL:
    case ARPHRD_TUNNEL6:
    case ARPHRD_SIT:
    case ARPHRD_IPGRE:
    case ARPHRD_IP6GRE:
      return 0;
    default:
      return std::nullopt;
  }
}

bool IsServiceDevice(const Link& link) {
  return IsOneOf(link.name, kServiceDevices);
}

bool HasSubnet(const Link& link) {
  return absl::c_any_of(link.addresses, [](const LinkAddress& address) {
    return address.prefix_length < (address.address.IsV4() ? 32 : 128);
  });
}

// Returns why the packet path leaves the device alone, whatever the settings say, or an empty string.
std::string WhyNever(const Link& link) {
  if (link.loopback) return "it is the loopback device";
  if (link.master_kind == "bond" || link.master_kind == "team") {
    return absl::StrCat("it is a port of a ", link.master_kind, ", which has the programs for it");
  }
  if (IsOneOf(link.kind, kWithoutPackets) || IsServiceDevice(link)) return "a device of its kind carries no packets";
  if (!LinkHeader(link).has_value()) return absl::StrCat("its link layer (ARPHRD ", link.type, ") is not supported");
  return "";
}

shunt_device_role RoleOfEnd(const Link& link) {
  if (IsOneOf(link.kind, kTunnels)) return SHUNT_DEVICE_OVERLAY;
  const bool is_end = (link.kind == "veth" || link.kind == "netkit") && link.peer_elsewhere;
  if (is_end && (link.master_kind == "bridge" || !HasSubnet(link))) return SHUNT_DEVICE_POD;
  if (link.kind == "tun" && link.type == ARPHRD_ETHER) return SHUNT_DEVICE_POD;
  return SHUNT_DEVICE_EXTERNAL;
}

shunt_device_role RoleByKind(const Link& link, absl::Span<const Link> links) {
  if (link.kind != "bridge") return RoleOfEnd(link);
  const bool has_uplink = absl::c_any_of(links, [&](const Link& port) {
    return port.master == link.index && WhyNever(port).empty() && port.kind != "veth" &&
           RoleOfEnd(port) == SHUNT_DEVICE_EXTERNAL;
  });
  return has_uplink ? SHUNT_DEVICE_EXTERNAL : SHUNT_DEVICE_POD;
}

bool IsNamed(const std::vector<std::string>& patterns, const Link& link) {
  return absl::c_any_of(patterns, [&](const std::string& pattern) {
    return pattern != kAutoDevices && fnmatch(pattern.c_str(), link.name.c_str(), 0) == 0;
  });
}

struct Choice {
  shunt_device_role role;
  bool chosen;
};

Choice Choose(const Link& link, absl::Span<const Link> links, const DeviceSettings& settings) {
  const shunt_device_role by_kind = RoleByKind(link, links);
  if (IsNamed(settings.external, link)) {
    return {by_kind == SHUNT_DEVICE_OVERLAY ? SHUNT_DEVICE_OVERLAY : SHUNT_DEVICE_EXTERNAL, true};
  }
  if (IsNamed(settings.pods, link)) return {SHUNT_DEVICE_POD, true};
  const std::vector<std::string>& list = by_kind == SHUNT_DEVICE_POD ? settings.pods : settings.external;
  return {by_kind, absl::c_linear_search(list, kAutoDevices)};
}

std::optional<IpAddress> FirstAddress(const Link& link, IpFamily family) {
  std::optional<IpAddress> secondary;
  for (const LinkAddress& one : link.addresses) {
    if (one.address.family() != family) continue;
    if (!one.secondary) return one.address;
    if (!secondary.has_value()) secondary = one.address;
  }
  return secondary;
}

struct Planning {
  absl::Span<const Link> links;
  std::vector<PlannedDevice> devices;  // one for each of the links

  std::optional<IpAddress> NodesAddress(IpFamily family) const {
    for (size_t i = 0; i < links.size(); ++i) {
      if (!devices[i].row.has_value() || devices[i].row->role != SHUNT_DEVICE_EXTERNAL) continue;
      if (std::optional<IpAddress> address = FirstAddress(links[i], family)) return address;
    }
    return std::nullopt;
  }

  std::optional<IpAddress> MastersAddress(const Link& link, IpFamily family) const {
    for (const Link& other : links) {
      if (link.master != 0 && other.index == link.master) return FirstAddress(other, family);
    }
    return std::nullopt;
  }

  shunt_address Source(const Link& link, IpFamily family) const {
    std::optional<IpAddress> source = FirstAddress(link, family);
    if (!source.has_value()) source = MastersAddress(link, family);
    if (!source.has_value()) source = NodesAddress(family);
    return EncodeAddress(source.value_or(IpAddress()));
  }
};

shunt_device RowOf(const Link& link, shunt_device_role role) {
  shunt_device row{};
  row.role = role;
  row.link_header = *LinkHeader(link);
  std::copy(link.mac.begin(), link.mac.end(), row.mac);
  row.mtu = link.mtu;
  row.master = link.master_kind == "bridge" ? link.master : 0;
  return row;
}

}  // namespace

std::vector<PlannedDevice> PlanDevices(absl::Span<const Link> links, const DeviceSettings& settings) {
  Planning planning{links, {}};
  for (const Link& link : links) {
    PlannedDevice device{.index = link.index, .name = link.name, .row = {}, .attach = false, .why_not = WhyNever(link)};
    if (device.why_not.empty()) {
      const Choice choice = Choose(link, links, settings);
      device.row = RowOf(link, choice.role);
      device.attach = choice.chosen;
      if (!choice.chosen) device.why_not = "it is not among the devices that the settings name";
    }
    planning.devices.push_back(std::move(device));
  }
  for (size_t i = 0; i < links.size(); ++i) {
    if (!planning.devices[i].row.has_value()) continue;
    planning.devices[i].row->source_v4 = planning.Source(links[i], IpFamily::kV4);
    planning.devices[i].row->source_v6 = planning.Source(links[i], IpFamily::kV6);
  }
  return std::move(planning.devices);
}

std::vector<std::string> UnmatchedDevices(absl::Span<const Link> links, const DeviceSettings& settings) {
  std::vector<std::string> unmatched;
  for (const std::vector<std::string>* list : {&settings.external, &settings.pods}) {
    for (const std::string& pattern : *list) {
      const bool matches =
          pattern == kAutoDevices || absl::c_any_of(links, [&](const Link& link) { return IsNamed({pattern}, link); });
      if (!matches && !absl::c_linear_search(unmatched, pattern)) unmatched.push_back(pattern);
    }
  }
  return unmatched;
}

}  // namespace shunt::datapath
