// SPDX-License-Identifier: Apache-2.0
// The chains of nftables and of iptables, whichever of its two kinds, in the calling thread's network namespace.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_FIREWALL_CHAINS_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_FIREWALL_CHAINS_H_

#include <linux/netlink.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace shunt::datapath {

struct FirewallChain {
  std::string family;  // as nft says it: "ip", "ip6", "inet"
  std::string table;
  std::string name;
  bool drops_forwarded = false;  // at the hook "forward", with the policy to drop

  friend bool operator==(const FirewallChain&, const FirewallChain&) = default;
};

// Returns the chain that a message of type NFT_MSG_NEWCHAIN describes, or nullopt if the message is another one.
std::optional<FirewallChain> ParseChain(const nlmsghdr& message);

// Returns the chains that users have added to a table of the older iptables, from the table's entries as the kernel
// hands them out. `family` is "ip" or "ip6". What is malformed ends the list.
std::vector<FirewallChain> ParseLegacyChains(absl::string_view family, absl::string_view table,
                                             absl::string_view entries);

// Returns all that can be read: chains of a kind that this kernel does not have, or that may not be read here, are left
// out. It makes the kernel load no table of iptables.
std::vector<FirewallChain> ReadFirewallChains();

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_FIREWALL_CHAINS_H_
