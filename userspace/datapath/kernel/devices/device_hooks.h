// SPDX-License-Identifier: Apache-2.0
// The packet path's programs at the hooks of devices.
//
// Where the kernel has TCX, links hold them, pinned as BPFFS/shunt/links/device_INDEX_DIRECTION: by index, because a
// device keeps it when it is renamed. An index may come to name another device, and a device may move to another
// network namespace with its links; so a pinned link counts only if the kernel lists it at the device that has the
// index now. Elsewhere filters hold the programs, which are found again by priority, handle and name.
#ifndef SHUNT_DATAPATH_KERNEL_DEVICES_DEVICE_HOOKS_H_
#define SHUNT_DATAPATH_KERNEL_DEVICES_DEVICE_HOOKS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "userspace/datapath/kernel/devices/device_direction.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/posix/file_descriptor.h"

namespace shunt::datapath {

enum class DeviceHookKind { kTcx, kClsact };

// "tcx" or "clsact".
const char* DeviceHookKindName(DeviceHookKind kind);
// Returns kTcx if this kernel has it. REQUIRES: CAP_NET_ADMIN.
DeviceHookKind BestDeviceHookKind();

struct HookedDevice {
  uint32_t index = 0;
  std::string name;  // for messages
};

// What one call of Follow has done.
struct DeviceHookChanges {
  std::vector<std::string> attached;          // names of devices that had no program of ours at one of the hooks
  std::vector<std::string> replaced;          // whose older program has been replaced in one step
  std::vector<std::string> healed;            // whose program another process had taken away since the last call
  std::vector<std::string> detached;          // that are no longer wanted: names, or "device 7" of one that is gone
  std::map<uint32_t, absl::Status> failures;  // by index: a device without one of the programs, and why
};

// Acts on the network namespace of the calling thread. Its destructor leaves everything in force. Not thread-safe.
// Programs of the agent before that cannot be replaced stay if they read the same plan as the new ones. Those of
// another plan are detached: no agent keeps their endpoints up to date.
class DeviceHooks {
 public:
  // The descriptors are of loaded programs for traffic control (sched_cls) that let others' programs run after them
  // (TC_ACT_UNSPEC), and are duplicated.
  static absl::StatusOr<DeviceHooks> Open(const PinDirectory& pins, DeviceHookKind kind, int ingress_program_fd,
                                          int egress_program_fd);

  // Puts the programs in force on each of `wanted`, egress first, and on no other of `present`, which are all devices
  // there are. It takes over what an agent before has left, and puts right what another process has changed; what is in
  // order it leaves alone. It can be called at any pace: after a change of devices, and now and then. A device that has
  // gone meanwhile is no failure. One device's failure does not keep the others from their programs.
  DeviceHookChanges Follow(absl::Span<const HookedDevice> wanted, absl::Span<const HookedDevice> present);

  DeviceHookKind kind() const { return kind_; }

 private:
  using Place = std::pair<uint32_t, Direction>;
  enum class Outcome { kInOrder, kAttached, kReplaced };

  DeviceHooks(PinDirectory pins, DeviceHookKind kind) : pins_(std::move(pins)), kind_(kind) {}

  int ProgramFd(Direction direction) const { return (direction == Direction::kIngress ? ingress_ : egress_).get(); }
  absl::StatusOr<Outcome> Ensure(const Place& place);
  absl::StatusOr<Outcome> EnsureLink(const Place& place);
  absl::StatusOr<Outcome> EnsureFilter(const Place& place);
  void FollowOne(const HookedDevice& device, DeviceHookChanges* changes);
  void DetachOtherPlan(const HookedDevice& device, DeviceHookChanges* changes);
  void DetachOthers(absl::Span<const HookedDevice> wanted, absl::Span<const HookedDevice> present,
                    DeviceHookChanges* changes);

  PinDirectory pins_;
  DeviceHookKind kind_;
  posix::FileDescriptor ingress_, egress_;
  uint32_t ingress_id_ = 0, egress_id_ = 0;
  std::map<Place, posix::FileDescriptor> in_force_;  // since this was opened; the link, or nothing of a filter
};

// Returns by what a device's programs are in force, both of them, without being their agent; nullopt if one is not
// there. Acts on the network namespace of the calling thread. REQUIRES: CAP_NET_ADMIN.
std::optional<DeviceHookKind> FindDeviceHooks(const PinDirectory& pins, uint32_t device);

// Returns whether a device of this network namespace has a program of ours that reads another plan than `program_fd`, a
// loaded program of a device's hook, does. REQUIRES: CAP_NET_ADMIN.
bool AnyReadsAnotherPlan(const PinDirectory& pins, int program_fd);

// Returns whether some device of the network namespace has them in force, by whatever.
bool HasDeviceHooks(const PinDirectory& pins);

// Returns whether a pin in the directory of links has the name of a device's hook. A build that has no packet path must
// detach it: nothing keeps up to date what its program reads.
bool IsDeviceLink(absl::string_view name);

// Filters have no pins that tell whose they are: an agent with other pins may have put them.
enum class Filters { kRemove, kLeave };

// Detaches everything of ours from all devices of the network namespace, links that are pinned in `pins` and, unless
// they are to stay, filters, ingress first. Appends to `removed` the path of each pin and a text for each filter.
absl::Status RemoveDeviceHooks(const PinDirectory& pins, Filters filters, std::vector<std::string>* removed);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_DEVICES_DEVICE_HOOKS_H_
