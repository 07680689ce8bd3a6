// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/devices/loopback.h"

#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "userspace/datapath/kernel/route_socket.h"

namespace shunt::datapath {
namespace {

constexpr int kLoopback = 1;  // in every network namespace

// Returns the setting, if `message` is about the loopback device.
std::optional<bool> SettingIn(const nlmsghdr& message) {
  if (message.nlmsg_type != RTM_NEWLINK || message.nlmsg_len < NLMSG_LENGTH(sizeof(ifinfomsg))) return std::nullopt;
  if (static_cast<const ifinfomsg*>(NLMSG_DATA(&message))->ifi_index != kLoopback) return std::nullopt;
  std::optional<bool> set;
  const auto take_settings = [&](uint16_t type, absl::string_view value) {
    // Numbers in the order of the kernel's constants, of which the first is 1.
    constexpr size_t kAt = sizeof(uint32_t) * (IPV4_DEVCONF_ACCEPT_LOCAL - 1);
    if (type != IFLA_INET_CONF || value.size() < kAt + sizeof(uint32_t)) return;
    set = ValueOf<uint32_t>(value.substr(kAt, sizeof(uint32_t))) != 0;
  };
  ForEachAttribute(message, sizeof(ifinfomsg), [&](uint16_t type, absl::string_view value) {
    if (type != IFLA_AF_SPEC) return;
    ForEachAttribute(value, [&](uint16_t family, absl::string_view settings) {
      if (family == AF_INET) ForEachAttribute(settings, take_settings);
    });
  });
  return set;
}

}  // namespace

absl::StatusOr<bool> AcceptOwnSources() {
  std::optional<bool> set;
  const absl::Status read = DumpRoute("read the loopback device's settings",
                                      RouteRequest(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{}), [&](const nlmsghdr& message) {
                                        if (const std::optional<bool> found = SettingIn(message); found.has_value())
                                          set = found;
                                      });
  // Each change is announced as one of the device, so what is set already is not set again.
  if (set.value_or(false)) return false;
  if (!read.ok() && !absl::IsUnavailable(read)) return read;
  ifinfomsg loopback{};
  loopback.ifi_index = kLoopback;
  RouteRequest request(RTM_SETLINK, 0, loopback);
  const size_t families = request.BeginNest(IFLA_AF_SPEC);
  const size_t family = request.BeginNest(AF_INET);
  const size_t settings = request.BeginNest(IFLA_INET_CONF);
  request.AddValue<uint32_t>(IPV4_DEVCONF_ACCEPT_LOCAL, 1);
  request.EndNest(settings);
  request.EndNest(family);
  request.EndNest(families);
  absl::Status status = ChangeRoute("let the loopback device take packets from this node's addresses", request);
  if (!status.ok()) return status;
  return true;
}

}  // namespace shunt::datapath
