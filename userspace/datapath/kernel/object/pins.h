// SPDX-License-Identifier: Apache-2.0
// Where everything that outlives the agent is pinned:
//
//   BPFFS/shunt/links/HOOK          one link a hook, whatever build its program is of; those of devices are named
//                                   by ../devices/device_hooks.h
//   BPFFS/shunt/programs/HOOK       the programs, for readers beside the agent
//   BPFFS/shunt/current             symbolic link to the plan in force, replaced by one rename
//   BPFFS/shunt/plan-v1-N/MAP       what the agent writes; in it, `memory` is a symbolic link to
//   BPFFS/shunt/reserved_ports      which ports of the node are kept for flows: ../attach/reserved_ports.h
//   BPFFS/shunt/memory-v1-M/MAP     what has to outlive a plan: what programs remember of sockets, and meta
//
// The 1 of v1 is the version of the layout (bpf/abi.h), N and M tell directories of one version apart. A directory that
// cannot be reached from `current` is left over from a take-over that was interrupted.
//
// A pin's file mode is its whole access control (a process that may open a link's pin may detach it), so directories
// are 0700 and pins 0600.
#ifndef SHUNT_DATAPATH_KERNEL_OBJECT_PINS_H_
#define SHUNT_DATAPATH_KERNEL_OBJECT_PINS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace shunt::datapath {

// Returns whether the map belongs to the memory, which plans share, and not to a plan.
bool IsMemoryMap(absl::string_view map);

// A directory of maps: a plan's or a memory's.
struct MapDirectory {
  std::string path;
  uint32_t version = 0;  // of its layout

  std::string MapPath(absl::string_view map) const;
  // Returns the names of the maps that are pinned in it, sorted, without leftovers of an interrupted ReplacePin().
  std::vector<std::string> MapNames() const;
};

// The two directories that together hold all maps of a set of programs.
struct PlanPins {
  MapDirectory plan;
  MapDirectory memory;

  std::string MapPath(absl::string_view map) const { return (IsMemoryMap(map) ? memory : plan).MapPath(map); }
};

// BPFFS/shunt.
std::string PinRoot(absl::string_view bpffs);

// The same, as one finds one's way in it. Not a lock: see AgentLock.
class PinDirectory {
 public:
  // Creates the directories that are missing. Returns kFailedPrecondition if `bpffs` is not in a BPF file system (the
  // message says how to mount one), or if a directory belongs to another user or is open to others.
  static absl::StatusOr<PinDirectory> OpenOrCreate(const std::string& bpffs);
  // As above, but creates nothing. Returns kNotFound if a directory is missing.
  static absl::StatusOr<PinDirectory> Open(const std::string& bpffs);
  // For the caller that removes everything, whatever it is. REQUIRES: CheckPrivate(PinRoot(bpffs)).
  static PinDirectory Unchecked(const std::string& bpffs) { return PinDirectory(PinRoot(bpffs)); }

  const std::string& path() const { return path_; }
  std::string LinkPath(absl::string_view program) const;
  std::string ProgramPath(absl::string_view program) const;
  // Returns the names that exist, sorted, without leftovers of an interrupted ReplacePin().
  std::vector<std::string> LinkNames() const;

  // Returns the plan that `current` names, of whatever version, or nullopt if there is none. Returns
  // kFailedPrecondition if a directory on the way belongs to another user or is open to others.
  absl::StatusOr<std::optional<PlanPins>> Current() const;
  // Creates the directory of a new plan of this build's version that uses `memory`, or a new memory if that is
  // nullopt. Nothing leads to it yet.
  absl::StatusOr<PlanPins> NewPlan(const std::optional<MapDirectory>& memory) const;
  // Lets `current` name the plan, by one rename.
  absl::Status PutInForce(const PlanPins& plan) const;
  // Returns whether every directory of pins is there, and `current` leads to the plan's and that to its memory.
  bool Holds(const PlanPins& plan) const;
  // Makes the directory itself, if it is missing, and nothing in it: so it can be locked before anything is written.
  absl::Status MakeRoot() const;
  // Makes what Holds asks for. Pins are the caller's. REQUIRES: the caller has the directory's lock, and nothing in it
  // is another agent's.
  absl::Status Restore(const PlanPins& plan) const;
  // Removes the directories of plans and memories that neither `current` nor `kept` leads to, and what interrupted
  // replacements have left.
  absl::Status RemoveUnreachable(const std::optional<PlanPins>& kept) const;

  // Returns the directories of the layout that was used before there were plans: BPFFS/shunt/v1, with maps, links and
  // programs below it.
  std::vector<std::string> EarlierLayouts() const;

 private:
  explicit PinDirectory(std::string path) : path_(std::move(path)) {}

  std::string path_;  // BPFFS/shunt
};

// Returns SHUNT_PLAN_VERSION, for callers that do not know bpf/abi.h.
uint32_t PinAbiVersion();

// Returns kNotFound if there is no `path`, and kFailedPrecondition unless it is a directory (a symbolic link to one
// does not count) that only this user can enter.
absl::Status CheckPrivate(const std::string& path);

// What the caller wants of a BPF file system, for the message: mounting one helps only who pins.
enum class BpffsUse { kPin, kFind };

// Returns kFailedPrecondition unless `bpffs` is a directory in a BPF file system.
absl::Status CheckBpffs(const std::string& bpffs, BpffsUse use);

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_OBJECT_PINS_H_
