// SPDX-License-Identifier: Apache-2.0
// Keeps the packet path's programs on the devices that the settings choose, while devices and addresses come and go.
#ifndef SHUNT_DATAPATH_KERNEL_DEVICES_PACKET_DEVICES_H_
#define SHUNT_DATAPATH_KERNEL_DEVICES_PACKET_DEVICES_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/packet_abi.h"
#include "userspace/datapath/kernel/devices/device_hooks.h"
#include "userspace/datapath/kernel/devices/device_plan.h"
#include "userspace/datapath/kernel/devices/link_list.h"
#include "userspace/datapath/table.h"
#include "userspace/report/device_report.h"

namespace shunt::datapath {

// A device as the last Follow has left it.
struct DeviceState {
  uint32_t index = 0;
  std::string name;
  DeviceHookKind kind = DeviceHookKind::kTcx;
  std::optional<shunt_device> row;  // what programs are told of it
  bool in_force = false;            // both its hooks have their programs
  bool wanted = false;              // they are to have them
  std::string why_not;              // of a device that has none: "it is the loopback device", or an error's text
};

// Bound to the network namespace of the thread that calls it, which must always be the same. Its destructor leaves
// everything in force. Not thread-safe.
class PacketDevices {
 public:
  // `rows` is the map `devices` that the programs behind `hooks` use, and outlives this object. `grace`, if not null,
  // returns when every program that began before it was called has ended. Nothing is attached before the first Follow.
  static absl::StatusOr<PacketDevices> Open(DeviceHooks hooks, Table& rows, DeviceSettings settings,
                                            std::function<absl::Status()> grace);

  // A non-blocking descriptor for poll(2), readable when Follow has something to do. Owned by this object.
  int fd() const { return watch_.fd(); }

  // Consumes the announcements, has the loopback device take what the packet path hands to it, and makes rows and hooks
  // what the present devices want: a device's row is there before its programs, and stays until they have gone. It puts
  // right what another process has changed, so call it now and then without an announcement too. Returns what it has
  // done at the hooks. Returns an error, and has changed nothing, if devices cannot be read; what concerns single
  // devices is in devices() and Problems().
  absl::StatusOr<DeviceHookChanges> Follow();

  // By index.
  const std::vector<DeviceState>& devices() const { return devices_; }

  // The same for people, without `kind` of a device that has no programs.
  report::DeviceReport Report() const;

  // Returns a sentence for each wanted device that has no programs, and for each name in the settings that no device
  // has: packets that come there are not the packet path's.
  std::vector<std::string> Problems() const;

 private:
  PacketDevices(DeviceHooks hooks, LinkWatch watch, Table& rows, DeviceSettings settings,
                std::function<absl::Status()> grace)
      : hooks_(std::move(hooks)),
        watch_(std::move(watch)),
        rows_(&rows),
        settings_(std::move(settings)),
        grace_(std::move(grace)) {}

  absl::StatusOr<std::map<uint32_t, shunt_device>> ReadRows() const;
  absl::Status PutRow(uint32_t index, const shunt_device& row, bool replaces);
  // Puts the rows that differ from `found`, and returns the failures by index.
  std::map<uint32_t, absl::Status> PutRows(const std::vector<PlannedDevice>& plan,
                                           const std::map<uint32_t, shunt_device>& found);
  void RemoveRows(const std::vector<PlannedDevice>& plan, const std::map<uint32_t, shunt_device>& found);

  DeviceHooks hooks_;
  LinkWatch watch_;
  Table* rows_;
  DeviceSettings settings_;
  std::function<absl::Status()> grace_;
  bool gave_back_ = false;  // the map has taken memory back that a program may still read as the row that it was
  std::vector<DeviceState> devices_;
  std::vector<std::string> unmatched_;  // names in the settings
  absl::Status hooks_left_;             // what could not be detached
  absl::Status rows_left_;              // what could not be removed
  absl::Status cuts_;                   // whether the stack cuts what is too big
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_DEVICES_PACKET_DEVICES_H_
