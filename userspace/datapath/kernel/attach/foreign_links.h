// SPDX-License-Identifier: Apache-2.0
// Links in our own pin directory that this build would not have made.
#ifndef SHUNT_DATAPATH_KERNEL_ATTACH_FOREIGN_LINKS_H_
#define SHUNT_DATAPATH_KERNEL_ATTACH_FOREIGN_LINKS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "userspace/datapath/kernel/object/pins.h"

namespace shunt::datapath {

// Returns the directories of earlier layouts in which links are pinned: their programs are in force.
std::vector<std::string> LayoutsInForce(const PinDirectory& pins);

// Puts right what an interrupted ReplacePin has left beside a hook's own pin. If the hook has an attached link there,
// the other one is detached, because its program would run as well; otherwise the other one becomes the hook's.
// A device's link becomes the hook's if that has none; what else is beside it is for DetachUnknownLinks.
void MendInterrupted(const PinDirectory& pins);

// What is to become of the packet path at devices: an agent that has it replaces the programs itself. One that has not
// detaches links and filters.
enum class DeviceLinks { kDetach, kLeave };

// Detaches and unpins what is pinned among the links and is none of kHooks, nor of a device that is to stay, and the
// programs of those names: an agent of another build left it, and no agent keeps what it uses up to date. Appends a
// note for each.
absl::Status DetachUnknownLinks(const PinDirectory& pins, DeviceLinks devices, std::vector<std::string>* notes);

// Detaches the links of earlier layouts, translating hooks first, and removes those directories. Appends a note for
// each.
absl::Status RemoveEarlierLayouts(const PinDirectory& pins, std::vector<std::string>* notes);

// Detaches and removes the links pinned in `directory`: those of kHooks in the order of detaching, then all others,
// then the directory with what else is in it. Appends each path to `removed` unless that is null.
absl::Status RemoveLinks(const std::string& directory, std::vector<std::string>* removed);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_ATTACH_FOREIGN_LINKS_H_
