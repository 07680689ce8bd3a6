// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/pinned_reader.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/map_reader.h"

namespace shunt::datapath {

absl::StatusOr<std::unique_ptr<PinnedReader>> PinnedReader::Open(const std::string& bpffs) {
  absl::StatusOr<PinDirectory> pins = PinDirectory::Open(bpffs);
  if (!pins.ok()) return pins.status();
  absl::StatusOr<std::optional<PlanPins>> current = pins->Current();
  if (!current.ok()) return current.status();
  if (!current->has_value()) return absl::NotFoundError(absl::StrCat("no plan is in force below ", pins->path()));
  return OpenPlan(bpffs, **current);
}

absl::StatusOr<std::unique_ptr<PinnedReader>> PinnedReader::OpenPlan(const std::string& bpffs, const PlanPins& plan) {
  std::unique_ptr<PinnedReader> reader(new PinnedReader);
  absl::StatusOr<PinDirectory> pins = PinDirectory::Open(bpffs);
  if (!pins.ok()) return pins.status();
  reader->pin_directory_ = plan.plan.path;
  absl::StatusOr<MapSet> maps = MapSet::OpenReadOnly(plan);
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

report::SignOfLife PinnedReader::LastSignOfLife() const {
  shunt_meta meta{};
  if (!tables_.meta->Load(0, MutableBytesOf(meta)).ok()) return {};
  return DecodeSignOfLife(meta, MapReader::ReadBootClock());
}

std::vector<std::string> PinnedReader::MapNames() const {
  return MapReader::MapNames();
}

absl::Status PinnedReader::DumpMap(absl::string_view map,
                                   const std::function<bool(const report::MapRow&)>& visit) const {
  return MapReader(tables_).Dump(map, visit);
}

}  // namespace shunt::datapath
