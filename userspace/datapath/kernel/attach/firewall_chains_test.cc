// SPDX-License-Identifier: Apache-2.0
// Tables of the older iptables as the kernel hands them out, made by hand.
#include "userspace/datapath/kernel/attach/firewall_chains.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include <cstring>
#include <random>
#include <string>

namespace shunt::datapath {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <typename Entry, typename Target>
std::string EntryWith(const Target& target) {
  Entry entry = {};
  entry.target_offset = sizeof(entry);
  entry.next_offset = sizeof(entry) + sizeof(target);
  std::string bytes(sizeof(entry) + sizeof(target), '\0');
  std::memcpy(bytes.data(), &entry, sizeof(entry));
  std::memcpy(bytes.data() + sizeof(entry), &target, sizeof(target));
  return bytes;
}

// The first entry of a chain that a user has added, or the last of a table.
template <typename Entry>
std::string ChainHead(const std::string& name) {
  xt_error_target target = {};
  std::strcpy(target.target.u.user.name, XT_ERROR_TARGET);
  std::strcpy(target.errorname, name.c_str());
  return EntryWith<Entry>(target);
}

// A rule whose target is another one.
template <typename Entry>
std::string Rule(const std::string& name) {
  xt_standard_target target = {};
  std::strcpy(target.target.u.user.name, name.c_str());
  return EntryWith<Entry>(target);
}

template <typename Entry>
std::string Table() {
  return Rule<Entry>("") + Rule<Entry>("MASQUERADE") + ChainHead<Entry>("KUBE-SERVICES") + Rule<Entry>("") +
         ChainHead<Entry>("KUBE-NODEPORTS") + Rule<Entry>("") + ChainHead<Entry>(XT_ERROR_TARGET);
}

FirewallChain Chain(const std::string& family, const std::string& name) {
  return {.family = family, .table = "nat", .name = name};
}

TEST(LegacyChainsTest, AddedChainsAreThoseThatBeginWithTheirName) {
  EXPECT_THAT(ParseLegacyChains("ip", "nat", Table<ipt_entry>()),
              ElementsAre(Chain("ip", "KUBE-SERVICES"), Chain("ip", "KUBE-NODEPORTS")));
  EXPECT_THAT(ParseLegacyChains("ip6", "nat", Table<ip6t_entry>()),
              ElementsAre(Chain("ip6", "KUBE-SERVICES"), Chain("ip6", "KUBE-NODEPORTS")));
  EXPECT_THAT(ParseLegacyChains("ip", "nat", Rule<ipt_entry>("") + ChainHead<ipt_entry>(XT_ERROR_TARGET)), IsEmpty());
}

TEST(LegacyChainsTest, ATableThatEndsAnywhereHasOnlyTheChainsBeforeItsEnd) {
  const std::string table = Table<ipt_entry>();
  for (size_t size = 0; size < table.size(); ++size) {
    // Of its own, so that a sanitizer sees what is read behind it.
    const std::string part = table.substr(0, size);
    for (const FirewallChain& chain : ParseLegacyChains("ip", "nat", part)) {
      EXPECT_NE(part.find(chain.name), part.npos) << size;
    }
  }
}

TEST(LegacyChainsTest, NoBytesLeadBehindTheTable) {
  std::mt19937 random(20261130);
  for (int round = 0; round < 5000; ++round) {
    std::string table = Table<ipt_entry>();
    for (int change = 0; change < 4; ++change) table[random() % table.size()] = static_cast<char>(random());
    for (const FirewallChain& chain : ParseLegacyChains("ip", "nat", table)) EXPECT_LT(chain.name.size(), table.size());
  }
}

}  // namespace
}  // namespace shunt::datapath
