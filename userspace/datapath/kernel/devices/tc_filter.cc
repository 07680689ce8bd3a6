// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/devices/tc_filter.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "userspace/datapath/kernel/route_socket.h"

namespace shunt::datapath {
namespace {

std::string OurName(Direction direction) {
  return absl::StrCat("shunt_", DirectionName(direction));
}

std::string What(absl::string_view operation, uint32_t device, Direction direction) {
  return absl::StrCat(operation, " the ", DirectionName(direction), " filter of device ", device);
}

tcmsg HookOf(uint32_t device, Direction direction) {
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = static_cast<int>(device);
  const uint32_t minor = direction == Direction::kIngress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS;
  header.tcm_parent = TC_H_MAKE(TC_H_CLSACT, minor);
  return header;
}

tcmsg OurPlace(uint32_t device, Direction direction) {
  tcmsg header = HookOf(device, direction);
  header.tcm_handle = kFilterHandle;
  header.tcm_info = TC_H_MAKE(static_cast<uint32_t>(kFilterPriority) << 16, htons(ETH_P_ALL));
  return header;
}

void TakeFilter(const nlmsghdr& message, Direction direction, std::vector<TcFilter>* filters) {
  if (message.nlmsg_type != RTM_NEWTFILTER || message.nlmsg_len < NLMSG_LENGTH(sizeof(tcmsg))) return;
  const auto* place = static_cast<const tcmsg*>(NLMSG_DATA(&message));
  TcFilter filter;
  filter.priority = static_cast<uint16_t>(TC_H_MAJ(place->tcm_info) >> 16);
  filter.handle = place->tcm_handle;
  std::string kind;
  ForEachAttribute(message, sizeof(*place), [&](uint16_t type, absl::string_view value) {
    if (type == TCA_KIND) kind = TextOf(value);
    if (type != TCA_OPTIONS) return;
    ForEachAttribute(value, [&](uint16_t option, absl::string_view content) {
      if (option == TCA_BPF_NAME) filter.name = TextOf(content);
      if (option == TCA_BPF_ID) filter.program_id = ValueOf<uint32_t>(content);
    });
  });
  // Each priority also announces itself, without a handle.
  if (kind != "bpf" || filter.handle == 0) return;
  filter.is_ours =
      filter.priority == kFilterPriority && filter.handle == kFilterHandle && filter.name == OurName(direction);
  filters->push_back(filter);
}

// Returns the kind of the qdisc in the place of clsact, or an empty string. The kernel tells of those of all devices.
absl::StatusOr<std::string> QdiscOf(uint32_t device) {
  std::string found;
  const RouteRequest request(RTM_GETQDISC, NLM_F_DUMP, tcmsg{});
  absl::Status status = DumpRoute("read qdiscs", request, [&](const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWQDISC || message.nlmsg_len < NLMSG_LENGTH(sizeof(tcmsg))) return;
    const auto* place = static_cast<const tcmsg*>(NLMSG_DATA(&message));
    if (place->tcm_ifindex != static_cast<int>(device) || place->tcm_parent != TC_H_CLSACT) return;
    ForEachAttribute(message, sizeof(*place), [&](uint16_t type, absl::string_view value) {
      if (type == TCA_KIND) found = TextOf(value);
    });
  });
  if (!status.ok()) return status;
  return found;
}

// Adds the qdisc that has both hooks, unless it is there. An `ingress` qdisc in its place, as the CNI's bandwidth
// plugin adds it, takes filters for egress, too, and runs them at ingress.
absl::Status AddQdisc(uint32_t device) {
  tcmsg header{};
  header.tcm_family = AF_UNSPEC;
  header.tcm_ifindex = static_cast<int>(device);
  header.tcm_parent = TC_H_CLSACT;
  header.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  RouteRequest request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, header);
  request.AddText(TCA_KIND, "clsact");
  absl::Status status = ChangeRoute(absl::StrCat("add the clsact qdisc to device ", device), request);
  if (!absl::IsAlreadyExists(status)) return status;
  const absl::StatusOr<std::string> kind = QdiscOf(device);
  if (!kind.ok()) return kind.status();
  if (*kind == "clsact") return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("device ", device, " has the qdisc ", *kind, ", which has no egress hook: replace it by clsact, ",
                   "which takes the same filters, or run Linux 6.6 or later, where this needs no qdisc"));
}

}  // namespace

absl::StatusOr<std::vector<TcFilter>> FiltersOn(uint32_t device, Direction direction) {
  std::vector<TcFilter> filters;
  const RouteRequest request(RTM_GETTFILTER, NLM_F_DUMP, HookOf(device, direction));
  absl::Status status = DumpRoute(What("read", device, direction), request,
                                  [&](const nlmsghdr& message) { TakeFilter(message, direction, &filters); });
  // A kernel without traffic control has no filters.
  if (!status.ok() && !absl::IsUnimplemented(status)) return status;
  return filters;
}

absl::Status PutFilter(int program_fd, uint32_t device, Direction direction) {
  const absl::StatusOr<std::vector<TcFilter>> filters = FiltersOn(device, direction);
  if (!filters.ok()) return filters.status();
  const auto there = absl::c_find_if(*filters, [](const TcFilter& filter) {
    return filter.priority == kFilterPriority && filter.handle == kFilterHandle;
  });
  if (there != filters->end() && !there->is_ours) {
    return absl::FailedPreconditionError(
        absl::StrCat(What("add", device, direction), ": filter \"", there->name, "\" of another program has priority ",
                     kFilterPriority, " and handle ", kFilterHandle, ", which are Shunt's: give it others"));
  }
  if (there == filters->end()) {
    if (absl::Status status = AddQdisc(device); !status.ok()) return status;
  }
  // Without NLM_F_EXCL the filter that is there gets the new program in one step.
  RouteRequest request(RTM_NEWTFILTER, NLM_F_CREATE, OurPlace(device, direction));
  request.AddText(TCA_KIND, "bpf");
  const size_t options = request.BeginNest(TCA_OPTIONS);
  request.AddValue<uint32_t>(TCA_BPF_FD, static_cast<uint32_t>(program_fd));
  request.AddText(TCA_BPF_NAME, OurName(direction));
  request.AddValue<uint32_t>(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
  request.EndNest(options);
  return ChangeRoute(What("put", device, direction), request);
}

absl::StatusOr<bool> RemoveFilter(uint32_t device, Direction direction) {
  const absl::StatusOr<std::vector<TcFilter>> filters = FiltersOn(device, direction);
  if (!filters.ok()) return filters.status();
  if (absl::c_none_of(*filters, [](const TcFilter& filter) { return filter.is_ours; })) return false;
  RouteRequest request(RTM_DELTFILTER, 0, OurPlace(device, direction));
  request.AddText(TCA_KIND, "bpf");
  absl::Status status = ChangeRoute(What("remove", device, direction), request);
  if (!status.ok()) return status;
  return true;
}

}  // namespace shunt::datapath
