// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/packet_check.h"

#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "userspace/datapath/kernel/devices/device_direction.h"
#include "userspace/datapath/kernel/devices/link_list.h"
#include "userspace/datapath/kernel/devices/tc_filter.h"
#include "userspace/datapath/kernel/devices/tcx_link.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"

namespace shunt::datapath {
namespace {

constexpr char kIpvsDevice[] = "kube-ipvs0";
constexpr char kKubeProxyTable[] = "kube-proxy";  // in its mode nftables
constexpr char kKubeProxyChain[] =
    "KUBE-SERVICES";  // in its other modes; KUBE-KUBELET-CANARY and the like are kubelet's
constexpr uint64_t kConntrackFullPercent = 80;

Finding Ok(std::string what, std::string detail) {
  return {std::move(what), Verdict::kOk, std::move(detail), ""};
}

Finding Warning(std::string what, std::string detail, std::string what_to_do) {
  return {std::move(what), Verdict::kWarning, std::move(detail), std::move(what_to_do)};
}

std::string List(const std::vector<std::string>& names) {
  return absl::StrJoin(names, ", ");
}

// Returns a device's setting as sysctl(8) reads it, which takes a dot for a separator and a slash for a dot.
std::string SettingOf(const std::string& device, absl::string_view name) {
  return absl::StrCat("net.ipv4.conf.", absl::StrReplaceAll(device, {{".", "/"}}), ".", name);
}

// ---- judgement -------------------------------------------------------------------------------------------------

Finding JudgeForwarding(const PacketFacts& facts) {
  constexpr char kName[] = "forwarding";
  std::vector<std::string> off, settings;
  bool some_forward = false;
  for (const PacketDeviceFacts& device : facts.devices) {
    if (!device.attach) continue;
    some_forward |= device.forwards_v4;
    if (device.forwards_v4) continue;
    off.push_back(device.name);
    settings.push_back(SettingOf(device.name, "forwarding=1"));
  }
  if (!facts.forwards_v4 && !some_forward) {
    off = {"all devices for IPv4"};
    settings = {"net.ipv4.ip_forward=1"};
  }
  if (facts.has_ipv6 && !facts.forwards_v6) {
    off.emplace_back("all devices for IPv6");
    settings.emplace_back("net.ipv6.conf.all.forwarding=1");
  }
  if (off.empty()) return Ok(kName, "on");
  return Warning(kName, absl::StrCat("off: ", List(off), ": packets that come there reach no pod"),
                 absl::StrCat("sysctl -w ", absl::StrJoin(settings, " ")));
}

// A forward chain that drops by policy is also how hosts with Docker look, where the CNI plugin adds rules that accept.
Finding JudgeForwardPolicy(const PacketFacts& facts) {
  constexpr char kName[] = "forward policy";
  std::vector<std::string> dropping;
  for (const FirewallChain& chain : facts.chains) {
    if (chain.drops_forwarded) {
      dropping.push_back(absl::StrCat("chain ", chain.name, " of table ", chain.family, " ", chain.table));
    }
  }
  if (dropping.empty()) return Ok(kName, "no chain of nftables drops what no rule accepts");
  return Warning(
      kName, absl::StrCat(List(dropping), ": drops what no rule accepts, also from clients to pods of this node"),
      "see that a rule accepts packets to pods from any source; kube-proxy's own rules accepted those that it "
      "masqueraded");
}

Finding JudgeReversePath(const PacketFacts& facts) {
  constexpr char kName[] = "reverse path filter";
  std::vector<std::string> strict;
  size_t external = 0;
  for (const PacketDeviceFacts& device : facts.devices) {
    if (device.role != SHUNT_DEVICE_EXTERNAL || !device.attach) continue;
    ++external;
    if (device.strict_rp_filter && !device.has_default_route) strict.push_back(device.name);
  }
  if (strict.empty() || external < 2) return Ok(kName, "in the way of no client");
  return Warning(kName,
                 absl::StrCat("strict at ", List(strict),
                              ", where no default route leads: a client that comes by it and "
                              "that routes answer by another device reaches no pod of this node"),
                 absl::StrCat("sysctl -w ", SettingOf(strict.front(), "rp_filter=2"),
                              ", or routes by the device for its clients"));
}

// Returns how much an overlay adds to a packet, over IPv4.
uint32_t OverheadOf(const std::string& kind) {
  static constexpr std::pair<absl::string_view, uint32_t> kOverheads[] = {
      {"vxlan", 50}, {"geneve", 50}, {"wireguard", 60}, {"ipip", 20}, {"sit", 20}, {"gre", 24}, {"gretap", 38}};
  for (const auto& [name, bytes] : kOverheads) {
    if (kind == name) return bytes;
  }
  return 0;
}

Finding JudgeSizes(const PacketFacts& facts) {
  constexpr char kName[] = "device sizes";
  const PacketDeviceFacts* uplink = nullptr;
  for (const PacketDeviceFacts& device : facts.devices) {
    if (device.role == SHUNT_DEVICE_EXTERNAL && (uplink == nullptr || device.mtu > uplink->mtu)) uplink = &device;
  }
  if (uplink == nullptr) return Ok(kName, "no device leads outside");
  std::vector<std::string> larger;
  for (const PacketDeviceFacts& device : facts.devices) {
    if (device.role == SHUNT_DEVICE_EXTERNAL) continue;
    const uint32_t overhead = device.role == SHUNT_DEVICE_OVERLAY ? OverheadOf(device.kind) : 0;
    if (device.mtu + overhead <= uplink->mtu) continue;
    larger.push_back(absl::StrCat(device.name, " (", device.mtu,
                                  overhead == 0 ? ")" : absl::StrCat(", and ", overhead, " of the overlay)")));
  }
  if (larger.empty()) return Ok(kName, absl::StrCat("all fit ", uplink->name, " (", uplink->mtu, ")"));
  return Warning(kName,
                 absl::StrCat(List(larger), ": larger than ", uplink->name, " (", uplink->mtu,
                              "): their longest packets have to be cut, or sent again when an ICMP error arrives"),
                 "set the MTU of the CNI plugin to what the network carries");
}

Finding JudgeOthers(const PacketFacts& facts) {
  constexpr char kName[] = "programs at devices";
  std::vector<std::string> others;
  for (const PacketDeviceFacts& device : facts.devices) {
    if (!device.attach || device.before_us.empty()) continue;
    others.push_back(absl::StrCat(List(device.before_us), " at ", device.name));
  }
  if (others.empty()) return Ok(kName, "none gets packets before Shunt's");
  return Warning(kName, absl::StrCat(List(others), ": gets packets before Shunt's, which sees only what it lets pass"),
                 "bpftool net show says whose it is; one service proxy a node is enough");
}

Finding JudgeKubeProxyRules(const PacketFacts& facts) {
  constexpr char kName[] = "kube-proxy's rules";
  std::set<std::string> left;
  for (const FirewallChain& chain : facts.chains) {
    if (chain.table == kKubeProxyTable) left.insert(absl::StrCat("table ", chain.family, " ", chain.table));
    if (chain.name == kKubeProxyChain) {
      left.insert(absl::StrCat("chain ", chain.name, " of table ", chain.family, " ", chain.table));
    }
  }
  if (facts.has_ipvs_device) left.insert(absl::StrCat("device ", kIpvsDevice));
  if (left.empty()) return Ok(kName, "none");
  if (facts.kube_proxy_answers) return Ok(kName, absl::StrCat(absl::StrJoin(left, ", "), ", and it runs"));
  return Warning(
      kName,
      absl::StrCat(absl::StrJoin(left, ", "),
                   ", but it does not answer: what Shunt leaves alone goes to the "
                   "endpoints of the day when it ended"),
      "kube-proxy --cleanup (in its image, with the host's network), once connections that it began have ended");
}

Finding JudgePorts(const PacketFacts& facts) {
  constexpr char kName[] = "reserved ports";
  if (facts.missing_ports.empty()) return Ok(kName, "the node's own sockets are given none that flows borrow");
  return Warning(
      kName, "the node's own sockets may be given ports that flows borrow",
      absl::StrCat("the agent reserves them where it may write /proc/sys/net; if it says that it cannot: sysctl "
                   "-w net.ipv4.ip_local_reserved_ports=",
                   facts.missing_ports));
}

Finding JudgeConntrack(const PacketFacts& facts) {
  constexpr char kName[] = "connection tracking";
  if (!facts.conntrack_count.has_value() || facts.conntrack_max.value_or(0) == 0) return Ok(kName, "none");
  const std::string fill = absl::StrCat(*facts.conntrack_count, " of ", *facts.conntrack_max, " entries");
  if (*facts.conntrack_count < *facts.conntrack_max / 100 * kConntrackFullPercent) return Ok(kName, fill);
  return Warning(kName, absl::StrCat(fill, ": when it is full the kernel drops new connections to pods of this node"),
                 "raise net.netfilter.nf_conntrack_max");
}

// ---- facts -----------------------------------------------------------------------------------------------------

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<uint64_t> ReadNumber(const std::string& path) {
  uint64_t number = 0;
  return absl::SimpleAtoi(FirstLine(path), &number) ? std::optional(number) : std::nullopt;
}

uint64_t Sysctl(absl::string_view name, uint64_t otherwise) {
  return ReadNumber(absl::StrCat("/proc/sys/net/", name)).value_or(otherwise);
}

std::set<std::string> DevicesWithDefaultRoute() {
  std::set<std::string> devices;
  std::ifstream routes("/proc/thread-self/net/route");
  for (std::string line; std::getline(routes, line);) {
    std::istringstream words(line);
    std::string device, destination, gateway, flags, count, use, metric, mask;
    words >> device >> destination >> gateway >> flags >> count >> use >> metric >> mask;
    if (destination == "00000000" && mask == "00000000") devices.insert(device);
  }
  return devices;
}

// Returns whether the kernel lists another link at the hook before ours, if ours is there.
bool OthersAreFirst(const PinDirectory& pins, uint32_t device, Direction direction) {
  const absl::StatusOr<std::vector<uint32_t>> links = TcxLinksOn(device, direction);
  if (!links.ok() || links->empty()) return false;
  const std::string path = pins.LinkPath(absl::StrCat("device_", device, "_", DirectionName(direction)));
  const absl::StatusOr<posix::FileDescriptor> ours = OpenPin(path, BpfKind::kLink);
  if (!ours.ok()) return false;
  const absl::StatusOr<bpf_link_info> facts = DescribeLink(ours->get(), path);
  return facts.ok() && links->front() != facts->id &&
         std::find(links->begin(), links->end(), facts->id) != links->end();
}

std::vector<std::string> ProgramsBeforeUs(const PinDirectory& pins, uint32_t device, bool tcx) {
  std::vector<std::string> programs;
  uint32_t id = 0;
  if (bpf_xdp_query_id(static_cast<int>(device), 0, &id) == 0 && id != 0) {
    programs.push_back(absl::StrCat("the XDP program ", id));
  }
  for (const Direction direction : kDirections) {
    if (tcx) {
      if (OthersAreFirst(pins, device, direction)) {
        programs.push_back(absl::StrCat("another ", DirectionName(direction), " link"));
      }
      continue;
    }
    const absl::StatusOr<std::vector<TcFilter>> filters = FiltersOn(device, direction);
    if (!filters.ok()) continue;
    for (const TcFilter& filter : *filters) {
      if (filter.is_ours || filter.priority >= kFilterPriority) continue;
      programs.push_back(
          absl::StrCat("the ", DirectionName(direction), " filter ", filter.name, " of priority ", filter.priority));
    }
  }
  return programs;
}

}  // namespace

std::vector<Finding> JudgePackets(const PacketFacts& facts) {
  return {JudgeForwarding(facts), JudgeForwardPolicy(facts),  JudgeReversePath(facts), JudgeSizes(facts),
          JudgeOthers(facts),     JudgeKubeProxyRules(facts), JudgePorts(facts),       JudgeConntrack(facts)};
}

PacketFacts ReadPacketFacts(const PinDirectory& pins, const DeviceSettings& settings, PortRange ports) {
  PacketFacts facts;
  facts.forwards_v4 = Sysctl("ipv4/ip_forward", 1) != 0;
  facts.has_ipv6 = access("/proc/sys/net/ipv6", F_OK) == 0;
  facts.forwards_v6 = Sysctl("ipv6/conf/all/forwarding", 1) != 0;
  facts.chains = ReadFirewallChains();
  facts.missing_ports = MissingReservation(pins, ports).value_or("");
  facts.conntrack_count = ReadNumber("/proc/sys/net/netfilter/nf_conntrack_count");
  facts.conntrack_max = ReadNumber("/proc/sys/net/netfilter/nf_conntrack_max");
  const absl::StatusOr<std::vector<Link>> links = ReadLinks();
  if (!links.ok()) return facts;
  const std::set<std::string> default_routes = DevicesWithDefaultRoute();
  const uint64_t rp_filter = Sysctl("ipv4/conf/all/rp_filter", 0);
  const bool tcx = HasTcx();
  const std::vector<PlannedDevice> plan = PlanDevices(*links, settings);
  for (size_t i = 0; i < plan.size(); ++i) {
    facts.has_ipvs_device |= plan[i].name == kIpvsDevice;
    if (!plan[i].row.has_value()) continue;
    PacketDeviceFacts device = {.name = plan[i].name,
                                .kind = (*links)[i].kind,
                                .role = static_cast<shunt_device_role>(plan[i].row->role),
                                .attach = plan[i].attach,
                                .mtu = plan[i].row->mtu};
    const std::string settings_of = absl::StrCat("ipv4/conf/", device.name, "/");
    device.forwards_v4 = Sysctl(settings_of + "forwarding", 1) != 0;
    device.strict_rp_filter = std::max(rp_filter, Sysctl(settings_of + "rp_filter", 0)) == 1;
    device.has_default_route = default_routes.contains(device.name);
    if (device.attach) device.before_us = ProgramsBeforeUs(pins, plan[i].index, tcx);
    facts.devices.push_back(std::move(device));
  }
  return facts;
}

}  // namespace shunt::datapath
