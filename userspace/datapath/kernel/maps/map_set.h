// SPDX-License-Identifier: Apache-2.0
// All maps of one set of programs, verified and open.
#ifndef SHUNT_DATAPATH_KERNEL_MAPS_MAP_SET_H_
#define SHUNT_DATAPATH_KERNEL_MAPS_MAP_SET_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/abi.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/kernel/object/map_spec.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/limits.h"
#include "userspace/datapath/table.h"
#include "userspace/datapath/tables.h"
#include "userspace/posix/file_descriptor.h"
#include "userspace/report/map_rows.h"

namespace shunt::datapath {

class MapSet {
 public:
  struct OpenMap {
    MapSpec spec;
    posix::FileDescriptor fd;
  };

  // Opens those maps of `specs` that are pinned in `pins`; names of the others are appended to `missing`. Returns
  // kFailedPrecondition if a pin has another layout than its spec.
  static absl::StatusOr<MapSet> OpenPinned(const PlanPins& pins, const std::vector<MapSpec>& specs, PinAccess access,
                                           std::vector<std::string>* missing);
  // Opens all maps of a plan for reading. Returns kFailedPrecondition if one is missing, or if the plan or its memory
  // has another layout than this build's.
  static absl::StatusOr<MapSet> OpenReadOnly(const PlanPins& plan);
  // Creates maps that are pinned nowhere and vanish with this object.
  static absl::StatusOr<MapSet> CreateUnpinned(const Limits& limits) { return Complete(MapSet(), limits); }
  // Returns `given` with those of this build's maps that it lacks, newly created and pinned nowhere. Returns
  // kInvalidArgument if `limits` are invalid.
  static absl::StatusOr<MapSet> Complete(MapSet given, const Limits& limits);

  // Checks what types and row sizes do not tell: that those maps of `layout` that are here have the sizes of one set
  // created with `limits`, and the memory's version.
  absl::Status CheckTogether(const std::vector<MapSpec>& layout, const Limits& limits) const;
  // Returns the limits that the maps were created with; 0 for a map that is not in the set.
  Limits SizesFound() const;
  // Returns kFailedPrecondition, with the path, if another map than this set's is pinned in `pins` under its name.
  absl::Status CheckPins(const PlanPins& pins) const;
  // Pins the maps that are not pinned in `pins` yet. REQUIRES: CheckPins(pins).
  absl::Status Pin(const PlanPins& pins) const;
  // Takes over the map of this name of another set, if it has one: both then have a descriptor of the same map.
  absl::Status Share(const MapSet& other, const std::string& name);
  // Gives the map of this set another name, in place of the map that has it. Returns kInternal if there is no `from`.
  absl::Status Rename(const std::string& from, const std::string& to);
  void Remove(const std::string& name) { maps_.erase(name); }

  // Returns tables that own their descriptors: they may outlive this object.
  absl::StatusOr<Tables> OpenTables() const;
  // Returns one of them.
  absl::StatusOr<std::unique_ptr<Table>> OpenTable(const std::string& name) const;
  // Makes `object`'s programs use these maps, and fills in what `config` says about them (masks, strides, the
  // seed).
  absl::Status GiveTo(BpfObject& object, shunt_config* config) const;
  // Tells the programs, in `meta`, to look into socket_storage from now on. Thread-safe: it writes one word.
  absl::Status UseStorage() const;
  // Fills in type and memory, which only the kernel knows, and adds socket_storage, which is not a Table because its
  // rows cannot be counted.
  void AddKernelFacts(std::vector<report::MapFill>* levels) const;
  // Returns the row of meta. REQUIRES: the set has meta.
  absl::StatusOr<shunt_meta> ReadMeta() const;
  // Returns -1 if there is no such map.
  int Fd(const std::string& name) const;
  // Returns the rows of the map, or 0 if there is no such map or it has no size.
  uint32_t Capacity(const std::string& name) const;
  // Returns whether sockets may have rows of an earlier size (maps/previous_rows.h).
  bool HasPreviousRows() const { return Capacity("previous_state") > 1; }

  const std::map<std::string, OpenMap>& maps() const { return maps_; }

 private:
  absl::Status CheckPreviousRows() const;

  std::map<std::string, OpenMap> maps_;
  PinAccess access_ = PinAccess::kReadWrite;
};

// Returns the highest possible CPU number plus 1, because programs index counters by CPU.
absl::StatusOr<uint32_t> PossibleCpus();

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_MAP_SET_H_
