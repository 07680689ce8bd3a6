// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/foreign_links.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "userspace/datapath/kernel/attach/agent_lock.h"
#include "userspace/datapath/kernel/attach/programs.h"
#include "userspace/datapath/kernel/attach/reserved_ports.h"
#include "userspace/datapath/kernel/devices/device_hooks.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/pin_removal.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {
namespace {

// Returns whether a link is pinned at `path` that runs a program on some cgroup.
bool IsAttached(const std::string& path) {
  const absl::StatusOr<posix::FileDescriptor> link = OpenPin(path, BpfKind::kLink);
  if (!link.ok()) return false;
  const absl::StatusOr<bpf_link_info> facts = DescribeLink(link->get(), path);
  return facts.ok() && facts->type == BPF_LINK_TYPE_CGROUP && facts->cgroup.cgroup_id != 0;
}

// Returns whether an agent with these pins has had the packet path: its collector is pinned in a memory, or it has
// reserved ports.
bool HadPacketPath(const PinDirectory& pins) {
  if (access(ReservedPortsPin(pins).c_str(), F_OK) == 0) return true;
  return absl::c_any_of(PathsIn(pins.path()),
                        [](const std::string& path) { return access((path + "/sweeper").c_str(), F_OK) == 0; });
}

// An earlier agent may have had the packet path, which this one is not to have. Filters have no pins: they are another
// agent's if that one is running, and if none with these pins has had the packet path, as another agent that is being
// restarted has no lock meanwhile.
absl::Status RemovePacketPath(const PinDirectory& pins, std::vector<std::string>* notes) {
  const absl::StatusOr<AgentLock> network = AgentLock::TakeNetwork();
  const bool are_ours = network.ok() && HadPacketPath(pins);
  std::vector<std::string> removed;
  absl::Status status = RemoveDeviceHooks(pins, are_ours ? Filters::kRemove : Filters::kLeave, &removed);
  // The record is what the next start goes by, if a filter has stayed. Ports that stay reserved do no harm beyond their
  // number.
  if (const absl::Status released = status.ok() ? ReleasePorts(pins, &removed) : absl::OkStatus(); !released.ok()) {
    notes->push_back(absl::StrCat("ports stay reserved for the packet path, which is off now: ", released.message()));
  }
  if (removed.empty()) return status;
  notes->push_back(
      absl::StrCat("an earlier agent had the packet path, which is off now: removed ", absl::StrJoin(removed, ", ")));
  return status;
}

}  // namespace

std::vector<std::string> LayoutsInForce(const PinDirectory& pins) {
  std::vector<std::string> layouts = pins.EarlierLayouts();
  std::erase_if(layouts, [](const std::string& layout) { return PathsIn(layout + "/links").empty(); });
  return layouts;
}

void MendInterrupted(const PinDirectory& pins) {
  for (const Hook& hook : kHooks) {
    const std::string path = pins.LinkPath(hook.program), next = path + "_next";
    const absl::StatusOr<posix::FileDescriptor> interrupted = OpenPin(next, BpfKind::kLink);
    if (!interrupted.ok()) continue;
    if (!IsAttached(path) && IsAttached(next)) {
      (void)rename(next.c_str(), path.c_str());
      continue;
    }
    (void)bpf_link_detach(interrupted->get());
    unlink(next.c_str());
  }
  for (const std::string& next : PathsIn(pins.path() + "/links")) {
    absl::string_view path = next;
    if (!absl::ConsumeSuffix(&path, "_next") || !IsDeviceLink(path.substr(path.find_last_of('/') + 1))) continue;
    const std::string own(path);
    if (access(own.c_str(), F_OK) != 0) (void)rename(next.c_str(), own.c_str());
  }
}

absl::Status DetachUnknownLinks(const PinDirectory& pins, DeviceLinks devices, std::vector<std::string>* notes) {
  absl::Status failure = devices == DeviceLinks::kDetach ? RemovePacketPath(pins, notes) : absl::OkStatus();
  for (const std::string& path : PathsIn(pins.path() + "/links")) {
    const std::string name = path.substr(path.find_last_of('/') + 1);
    if (absl::c_any_of(kHooks, [&](const Hook& hook) { return name == hook.program; })) continue;
    if (devices == DeviceLinks::kLeave && IsDeviceLink(name)) continue;
    DetachPinnedLink(path);
    for (const std::string& pin : {path, pins.ProgramPath(name)}) {
      absl::Status status = IsDirectory(pin) ? RemoveAllBelow(pin, nullptr) : RemoveOne(pin, nullptr);
      if (!status.ok()) return status;
    }
    if (absl::EndsWith(name, "_next")) continue;
    notes->push_back(absl::StrCat("link ", name, " of another build was pinned in ", pins.path(),
                                  "/links; this build does not know it and has detached it"));
  }
  return failure;
}

absl::Status RemoveEarlierLayouts(const PinDirectory& pins, std::vector<std::string>* notes) {
  for (const std::string& layout : pins.EarlierLayouts()) {
    if (absl::Status status = RemoveLinks(layout + "/links", nullptr); !status.ok()) return status;
    if (absl::Status status = RemoveAllBelow(layout, nullptr); !status.ok()) return status;
    notes->push_back(absl::StrCat("the programs of an earlier layout, ", layout,
                                  ", have been replaced; sockets that they translated show their pod's address"));
  }
  return absl::OkStatus();
}

absl::Status RemoveLinks(const std::string& directory, std::vector<std::string>* removed) {
  std::vector<std::string> paths;
  for (auto hook = kHooks.rbegin(); hook != kHooks.rend(); ++hook) {
    paths.push_back(absl::StrCat(directory, "/", hook->program));
  }
  for (std::string& path : PathsIn(directory)) {
    if (!IsDirectory(path) && !absl::c_linear_search(paths, path)) paths.push_back(std::move(path));
  }
  for (const std::string& path : paths) {
    DetachPinnedLink(path);
    if (absl::Status status = RemoveOne(path, removed); !status.ok()) return status;
  }
  return RemoveAllBelow(directory, removed);
}

}  // namespace shunt::datapath
