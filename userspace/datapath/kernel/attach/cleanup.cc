// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/attach/cleanup.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "userspace/datapath/kernel/attach/agent_lock.h"
#include "userspace/datapath/kernel/attach/foreign_links.h"
#include "userspace/datapath/kernel/attach/reserved_ports.h"
#include "userspace/datapath/kernel/devices/device_hooks.h"
#include "userspace/datapath/kernel/maps/features.h"
#include "userspace/datapath/kernel/object/pin_removal.h"
#include "userspace/datapath/kernel/object/pins.h"

namespace shunt::datapath {
absl::Status Cleanup(const std::string& bpffs, std::vector<std::string>* removed) {
  if (absl::Status status = CheckBpffs(bpffs, BpffsUse::kFind); !status.ok()) return status;
  const std::string root = PinRoot(bpffs);
  // A directory of another user, or a symbolic link, is not ours to empty. A directory that only we can enter does not
  // change while we empty it.
  if (absl::Status status = CheckPrivate(root); !status.ok()) {
    return absl::IsNotFound(status) ? absl::OkStatus() : status;
  }
  const PinDirectory pins = PinDirectory::Unchecked(bpffs);
  absl::StatusOr<std::vector<AgentLock>> locks = LockPins(pins, AgentLock::Purpose::kCleanUp);
  if (!locks.ok()) return locks.status();
  // Readers learn it before the first hook is without its program.
  if (absl::StatusOr<std::optional<PlanPins>> current = pins.Current(); current.ok() && current->has_value()) {
    WriteFeatures((*current)->memory, 0).IgnoreError();
  }
  // Whatever of it fails, the sockets' hooks are not to stay for that.
  const absl::StatusOr<AgentLock> network = AgentLock::TakeNetwork();  // else the filters are a running agent's
  const absl::Status devices = RemoveDeviceHooks(pins, network.ok() ? Filters::kRemove : Filters::kLeave, removed);
  const absl::Status ports = ReleasePorts(pins, removed);
  std::vector<std::string> directories = pins.EarlierLayouts();
  directories.push_back(root);
  for (const std::string& directory : directories) {
    if (absl::Status status = RemoveLinks(directory + "/links", removed); !status.ok()) return status;
  }
  for (const std::string& path : PathsIn(root)) {
    if (!ports.ok() && path == ReservedPortsPin(pins)) continue;  // for another clean-up, which may release them
    absl::Status status = IsDirectory(path) ? RemoveAllBelow(path, removed) : RemoveOne(path, removed);
    if (!status.ok()) return status;
  }
  if (!ports.ok()) return devices.ok() ? ports : devices;
  absl::Status status = RemoveOne(root, removed);
  return devices.ok() ? status : devices;
}

}  // namespace shunt::datapath
