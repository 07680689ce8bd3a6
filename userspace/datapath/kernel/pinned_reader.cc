// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/pinned_reader.h"

#include <net/if.h>

#include <array>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "bpf/abi.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/attach/cgroup_root.h"
#include "userspace/datapath/kernel/devices/device_hooks.h"
#include "userspace/datapath/kernel/object/pins.h"
#include "userspace/datapath/map_reader.h"
#include "userspace/datapath/packet_reader.h"

namespace shunt::datapath {
namespace {

std::string NameOf(uint32_t device) {
  std::array<char, IF_NAMESIZE> name;
  return if_indextoname(device, name.data()) == nullptr ? "" : name.data();
}

report::DeviceHook HookOf(const std::optional<DeviceHookKind>& kind) {
  if (!kind.has_value()) return report::DeviceHook::kNone;
  return *kind == DeviceHookKind::kTcx ? report::DeviceHook::kTcx : report::DeviceHook::kClsact;
}

report::DeviceStatus ToStatus(const report::DeviceRow& row, const PinDirectory& pins) {
  report::DeviceStatus device{.index = row.ifindex, .name = NameOf(row.ifindex), .role = row.role};
  device.hook = HookOf(FindDeviceHooks(pins, row.ifindex));
  device.in_force = device.hook != report::DeviceHook::kNone;
  device.source_v4 = row.source_v4;
  device.source_v6 = row.source_v6;
  device.mtu = row.mtu;
  return device;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PinnedReader>> PinnedReader::Open(const std::string& bpffs) {
  absl::StatusOr<PinDirectory> pins = PinDirectory::Open(bpffs);
  if (!pins.ok()) return pins.status();
  absl::StatusOr<std::optional<PlanPins>> current = pins->Current();
  if (!current.ok()) return current.status();
  if (!current->has_value()) return absl::NotFoundError(absl::StrCat("no plan is in force below ", pins->path()));
  return OpenPlan(bpffs, **current);
}

absl::StatusOr<std::unique_ptr<PinnedReader>> PinnedReader::OpenPlan(const std::string& bpffs, const PlanPins& plan) {
  absl::StatusOr<PinDirectory> pins = PinDirectory::Open(bpffs);
  if (!pins.ok()) return pins.status();
  std::unique_ptr<PinnedReader> reader(new PinnedReader(*pins));
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

absl::StatusOr<std::vector<report::DeviceStatus>> PinnedReader::Devices() const {
  std::vector<report::DeviceStatus> devices;
  absl::Status read = DumpDevices(tables_, [&](const report::MapRow& row) {
    if (const auto* device = std::get_if<report::DeviceRow>(&row)) devices.push_back(ToStatus(*device, pins_));
    return true;
  });
  if (!read.ok()) return read;
  return devices;
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
