// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/pinned_reader.h"

#include <utility>

#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/map_reader.h"

namespace shunt::datapath {

absl::StatusOr<std::unique_ptr<PinnedReader>> PinnedReader::Open(const std::string& bpffs) {
  std::unique_ptr<PinnedReader> reader(new PinnedReader);
  absl::StatusOr<PinDirectory> pins = PinDirectory::Open(bpffs);
  if (!pins.ok()) return pins.status();
  reader->pin_directory_ = pins->path();
  absl::StatusOr<MapSet> maps = MapSet::OpenReadOnly(*pins);
  if (!maps.ok()) return maps.status();
  reader->maps_ = *std::move(maps);
  absl::StatusOr<Tables> tables = reader->maps_.OpenTables();
  if (!tables.ok()) return tables.status();
  reader->tables_ = *std::move(tables);
  // Maps without programs are worth reading too.
  absl::StatusOr<std::string> root = FindCgroupRoot();
  reader->programs_ = AttachedPrograms::FindPinned(*pins, root.ok() ? *root : "");
  return reader;
}

std::vector<report::MapFill> PinnedReader::FillLevels() const {
  std::vector<report::MapFill> levels = MapReader(tables_).FillLevels();
  maps_.AddKernelFacts(&levels);
  return levels;
}

std::vector<report::ProgramStatus> PinnedReader::Programs() const {
  return programs_.Describe();
}

std::vector<std::string> PinnedReader::MapNames() const {
  return MapReader::MapNames();
}

absl::Status PinnedReader::DumpMap(absl::string_view map,
                                   const std::function<bool(const report::MapRow&)>& visit) const {
  return MapReader(tables_).Dump(map, visit);
}

}  // namespace shunt::datapath
