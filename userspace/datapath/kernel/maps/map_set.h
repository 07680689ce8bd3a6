// SPDX-License-Identifier: Apache-2.0
// All maps of one pin directory, verified and open.
#ifndef SHUNT_DATAPATH_KERNEL_MAPS_MAP_SET_H_
#define SHUNT_DATAPATH_KERNEL_MAPS_MAP_SET_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/datapath/kernel/object/bpf_fd.h"
#include "userspace/datapath/kernel/object/bpf_object.h"
#include "userspace/datapath/kernel/object/map_spec.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/limits.h"
#include "userspace/datapath/tables.h"
#include "userspace/posix/file_descriptor.h"
#include "userspace/report/map_rows.h"

namespace shunt::datapath {

class MapSet {
 public:
  // Opens the pinned maps, or creates and pins them with `limits`. A set that exists keeps its sizes; each difference
  // from `limits` is appended to `notes`. An incomplete set without links is unused (a first start or a cleanup was
  // interrupted): it is created again, and a note says so.
  // Returns kFailedPrecondition if a pin does not fit this build's layout, or if maps are missing while programs are
  // attached; the message names `shuntd cleanup`, and nothing has been changed. Returns kInvalidArgument if `limits`
  // are invalid.
  static absl::StatusOr<MapSet> OpenOrCreate(const PinDirectory& pins, const Limits& limits,
                                             std::vector<std::string>* notes);
  // Opens the pinned maps for reading. Returns kNotFound if any is missing.
  static absl::StatusOr<MapSet> OpenReadOnly(const PinDirectory& pins);
  // Creates maps that are pinned nowhere and vanish with this object.
  static absl::StatusOr<MapSet> CreateUnpinned(const Limits& limits);

  // Returns tables that own their descriptors: they may outlive this object.
  absl::StatusOr<Tables> OpenTables() const;
  // Makes `object`'s programs use these maps, and fills in what `config` says about them (masks, strides, the
  // seed).
  absl::Status GiveTo(BpfObject& object, shunt_config* config) const;
  // Tells the programs, in `meta`, to look into socket_storage from now on. Thread-safe: it writes one word.
  absl::Status UseStorage() const;
  // Fills in type and memory, which only the kernel knows, and adds socket_storage, which is not a Table because its
  // rows cannot be counted.
  void AddKernelFacts(std::vector<report::MapFill>* levels) const;
  // Returns -1 if there is no such map.
  int Fd(const std::string& name) const;
  // Returns the rows of the map, or 0 if there is no such map or it has no size.
  uint32_t Capacity(const std::string& name) const;

  struct OpenMap {
    MapSpec spec;
    posix::FileDescriptor fd;
  };
  const std::map<std::string, OpenMap>& maps() const { return maps_; }

 private:
  static absl::StatusOr<MapSet> OpenPinned(const PinDirectory& pins, const std::vector<MapSpec>& specs,
                                           PinAccess access, std::vector<std::string>* missing);

  std::map<std::string, OpenMap> maps_;
  PinAccess access_ = PinAccess::kReadWrite;
};

}  // namespace shunt::datapath

#endif  // SHUNT_DATAPATH_KERNEL_MAPS_MAP_SET_H_
