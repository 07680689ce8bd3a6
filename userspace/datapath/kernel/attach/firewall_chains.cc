// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/firewall_chains.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <utility>

#include "userspace/datapath/kernel/route_socket.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {
namespace {

constexpr uint16_t kGetChain = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN;
constexpr uint16_t kNewChain = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN;
// A table of iptables with 100,000 rules has some 30 MiB.
constexpr size_t kLegacyBytesMax = size_t{256} << 20;

std::string FamilyName(uint8_t family) {
  switch (family) {
    case NFPROTO_INET:
      return "inet";
    case NFPROTO_IPV4:
      return "ip";
    case NFPROTO_IPV6:
      return "ip6";
    case NFPROTO_BRIDGE:
      return "bridge";
    default:
      return "other";
  }
}

std::vector<FirewallChain> ReadNftChains() {
  std::vector<FirewallChain> chains;
  const RouteRequest request(kGetChain, NLM_F_DUMP,
                             nfgenmsg{.nfgen_family = NFPROTO_UNSPEC, .version = 0, .res_id = 0});
  const absl::Status status = DumpRoute(
      "list the chains of nftables", request,
      [&](const nlmsghdr& message) {
        if (std::optional<FirewallChain> chain = ParseChain(message)) chains.push_back(*std::move(chain));
      },
      NETLINK_NETFILTER);
  if (!status.ok()) chains.clear();
  return chains;
}

// What differs between the two families of the older iptables.
struct LegacyFamily {
  const char* name;
  const char* tables;  // the kernel's list of those that exist
  int domain, level;
};
constexpr LegacyFamily kLegacyFamilies[] = {{"ip", "/proc/thread-self/net/ip_tables_names", AF_INET, IPPROTO_IP},
                                            {"ip6", "/proc/thread-self/net/ip6_tables_names", AF_INET6, IPPROTO_IPV6}};

// The structs and numbers of the two families agree, except the entries' size.
static_assert(sizeof(ipt_getinfo) == sizeof(ip6t_getinfo) && int{IPT_SO_GET_INFO} == int{IP6T_SO_GET_INFO} &&
              int{IPT_SO_GET_ENTRIES} == int{IP6T_SO_GET_ENTRIES} &&
              offsetof(ipt_get_entries, size) == offsetof(ip6t_get_entries, size));

void AppendLegacyChains(const LegacyFamily& family, const std::string& table, std::vector<FirewallChain>* chains) {
  const posix::FileDescriptor fd(socket(family.domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  ipt_getinfo info{};
  socklen_t length = sizeof(info);
  if (table.size() >= sizeof(info.name)) return;
  std::memcpy(info.name, table.data(), table.size());
  if (getsockopt(fd.get(), family.level, IPT_SO_GET_INFO, &info, &length) != 0 || info.size > kLegacyBytesMax) return;
  // Behind this header come the entries.
  const size_t header = offsetof(ipt_get_entries, entrytable);
  std::vector<char> bytes(header + info.size);
  std::memcpy(bytes.data(), table.data(), table.size());
  std::memcpy(bytes.data() + offsetof(ipt_get_entries, size), &info.size, sizeof(info.size));
  length = static_cast<socklen_t>(bytes.size());
  if (getsockopt(fd.get(), family.level, IPT_SO_GET_ENTRIES, bytes.data(), &length) != 0) return;
  for (FirewallChain& chain :
       ParseLegacyChains(family.name, table, absl::string_view(bytes.data() + header, info.size))) {
    chains->push_back(std::move(chain));
  }
}

template <typename Entry>
std::vector<std::string> ChainNames(absl::string_view entries) {
  std::vector<std::string> names;
  while (entries.size() >= sizeof(Entry)) {
    Entry entry;
    std::memcpy(&entry, entries.data(), sizeof(entry));
    if (entry.next_offset < sizeof(entry) || entry.next_offset > entries.size()) break;
    // A chain begins with an entry whose target is ERROR and has the chain's name.
    xt_error_target target{};
    const size_t at = entry.target_offset;
    if (at >= sizeof(entry) && at + sizeof(target) <= entry.next_offset) {
      std::memcpy(&target, entries.data() + at, sizeof(target));
      target.target.u.user.name[sizeof(target.target.u.user.name) - 1] = '\0';
      target.errorname[sizeof(target.errorname) - 1] = '\0';
      if (std::strcmp(target.target.u.user.name, XT_ERROR_TARGET) == 0) names.emplace_back(target.errorname);
    }
    entries.remove_prefix(entry.next_offset);
  }
  // The last one ends the table.
  if (!names.empty() && names.back() == XT_ERROR_TARGET) names.pop_back();
  return names;
}

}  // namespace

std::optional<FirewallChain> ParseChain(const nlmsghdr& message) {
  if (message.nlmsg_type != kNewChain || message.nlmsg_len < NLMSG_LENGTH(sizeof(nfgenmsg))) return std::nullopt;
  nfgenmsg header;
  std::memcpy(&header, NLMSG_DATA(&message), sizeof(header));
  FirewallChain chain{.family = FamilyName(header.nfgen_family), .table = {}, .name = {}};
  bool drops = false, forward = false;
  ForEachAttribute(message, sizeof(nfgenmsg), [&](uint16_t type, absl::string_view value) {
    if (type == NFTA_CHAIN_TABLE) chain.table = TextOf(value);
    if (type == NFTA_CHAIN_NAME) chain.name = TextOf(value);
    if (type == NFTA_CHAIN_POLICY) drops = ntohl(ValueOf<uint32_t>(value, htonl(NF_ACCEPT))) == NF_DROP;
    if (type != NFTA_CHAIN_HOOK) return;
    ForEachAttribute(value, [&](uint16_t inner, absl::string_view number) {
      if (inner == NFTA_HOOK_HOOKNUM) forward = ntohl(ValueOf<uint32_t>(number)) == NF_INET_FORWARD;
    });
  });
  const bool routed =
      header.nfgen_family == NFPROTO_INET || header.nfgen_family == NFPROTO_IPV4 || header.nfgen_family == NFPROTO_IPV6;
  chain.drops_forwarded = drops && forward && routed;
  return chain;
}

std::vector<FirewallChain> ParseLegacyChains(absl::string_view family, absl::string_view table,
                                             absl::string_view entries) {
  std::vector<FirewallChain> chains;
  for (std::string& name : family == "ip" ? ChainNames<ipt_entry>(entries) : ChainNames<ip6t_entry>(entries)) {
    chains.push_back({.family = std::string(family), .table = std::string(table), .name = std::move(name)});
  }
  return chains;
}

std::vector<FirewallChain> ReadFirewallChains() {
  std::vector<FirewallChain> chains = ReadNftChains();
  for (const LegacyFamily& family : kLegacyFamilies) {
    std::ifstream tables(family.tables);
    for (std::string table; std::getline(tables, table);) AppendLegacyChains(family, table, &chains);
  }
  return chains;
}

}  // namespace shunt::datapath
