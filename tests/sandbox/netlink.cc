// SPDX-License-Identifier: Apache-2.0
#include "tests/sandbox/netlink.h"

#include <linux/if_addr.h>
#include <net/if.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "tests/sandbox/devices.h"
#include "tests/sandbox/netlink_request.h"

namespace shunt::sandbox {
namespace {

using model::IpAddress;

// Returns 0 or a positive errno.
int ChangeLoopbackAddress(uint16_t type, const IpAddress& address) {
  ifaddrmsg header = {};
  header.ifa_family = FamilyOf(address);
  header.ifa_prefixlen = address.IsV4() ? 32 : 128;
  header.ifa_flags = IFA_F_NODAD;
  header.ifa_index = if_nametoindex("lo");
  Attributes attributes;
  attributes.AddAddress(IFA_LOCAL, address);
  attributes.AddAddress(IFA_ADDRESS, address);
  return SendRequest(type, header, attributes);
}

}  // namespace

absl::Status SetLoopbackUp() {
  return SetDeviceUp("lo");
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
  const std::optional<Prefix> parsed = Prefix::Parse(prefix);
  if (!parsed) return absl::InvalidArgumentError(absl::StrCat("local prefix ", prefix, ": not a prefix"));
  rtmsg header = {};
  header.rtm_family = FamilyOf(parsed->address);
  header.rtm_dst_len = parsed->length;
  header.rtm_table = RT_TABLE_LOCAL;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_scope = RT_SCOPE_HOST;
  header.rtm_type = RTN_LOCAL;
  Attributes attributes;
  attributes.AddAddress(RTA_DST, parsed->address);
  attributes.AddInteger(RTA_OIF, if_nametoindex("lo"));
  return Outcome(SendRequest(RTM_NEWROUTE, header, attributes), absl::StrCat("make ", prefix, " local"));
}

}  // namespace shunt::sandbox
