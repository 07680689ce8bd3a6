// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/kernel/devices/packet_devices.h"

#include <algorithm>
#include <cstring>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "userspace/datapath/codec.h"
#include "userspace/datapath/kernel/devices/loopback.h"
#include "userspace/datapath/packet_reader.h"
#include "userspace/report/packet_rows.h"

namespace shunt::datapath {
namespace {

// Devices that change while they are read are read again.
absl::StatusOr<std::vector<Link>> ReadSettledLinks() {
  constexpr int kTries = 5;
  absl::StatusOr<std::vector<Link>> links = ReadLinks();
  for (int i = 1; i < kTries && absl::IsUnavailable(links.status()); ++i) links = ReadLinks();
  return links;
}

bool AreEqual(const shunt_device& a, const shunt_device& b) {
  return std::memcmp(&a, &b, sizeof(a)) == 0;
}

const absl::Status* FailureOf(uint32_t device, const std::map<uint32_t, absl::Status>& failures) {
  const auto failure = failures.find(device);
  return failure == failures.end() ? nullptr : &failure->second;
}

DeviceState StateOf(const PlannedDevice& planned, DeviceHookKind kind, const absl::Status* failure) {
  DeviceState state{.index = planned.index, .name = planned.name, .kind = kind, .row = planned.row};
  state.wanted = planned.attach;
  state.in_force = planned.attach && failure == nullptr;
  state.why_not = failure == nullptr ? planned.why_not : std::string(failure->message());
  return state;
}

report::DeviceStatus StatusOf(const DeviceState& state) {
  report::DeviceStatus status{.index = state.index, .name = state.name};
  status.wanted = state.wanted;
  status.in_force = state.in_force;
  status.why_not = state.why_not;
  if (state.in_force) {
    status.hook = state.kind == DeviceHookKind::kTcx ? report::DeviceHook::kTcx : report::DeviceHook::kClsact;
  }
  if (!state.row.has_value()) return status;
  const std::optional<report::DeviceRow> row = DecodeDevice(state.index, *state.row);
  if (!row.has_value()) return status;
  status.role = row->role;
  status.source_v4 = row->source_v4;
  status.source_v6 = row->source_v6;
  status.mtu = row->mtu;
  return status;
}

}  // namespace

absl::StatusOr<PacketDevices> PacketDevices::Open(DeviceHooks hooks, Table& rows, DeviceSettings settings,
                                                  std::function<absl::Status()> grace) {
  absl::StatusOr<LinkWatch> watch = LinkWatch::Open();
  if (!watch.ok()) return watch.status();
  return PacketDevices(std::move(hooks), *std::move(watch), rows, std::move(settings), std::move(grace));
}

absl::StatusOr<std::map<uint32_t, shunt_device>> PacketDevices::ReadRows() const {
  std::map<uint32_t, shunt_device> found;
  absl::Status status = rows_->ForEach(
      [&](Bytes key, Bytes value) { found.insert({FromBytes<uint32_t>(key), FromBytes<shunt_device>(value)}); });
  if (!status.ok()) return status;
  return found;
}

// The kernel gives the memory of a row that was replaced or removed to the next one that is put, at once. A program
// that is about to read the old row would take the new one, of another device, for it.
absl::Status PacketDevices::PutRow(uint32_t index, const shunt_device& row, bool replaces) {
  if (gave_back_ && grace_ != nullptr) {
    if (absl::Status status = grace_(); !status.ok()) return status;
  }
  gave_back_ = false;
  absl::Status status = rows_->Put(BytesOf(index), BytesOf(row));
  gave_back_ = replaces && status.ok();
  return status;
}

std::map<uint32_t, absl::Status> PacketDevices::PutRows(const std::vector<PlannedDevice>& plan,
                                                        const std::map<uint32_t, shunt_device>& found) {
  std::map<uint32_t, absl::Status> failures;
  for (const PlannedDevice& device : plan) {
    if (!device.row.has_value()) continue;
    const auto old = found.find(device.index);
    if (old != found.end() && AreEqual(old->second, *device.row)) continue;
    absl::Status status = PutRow(device.index, *device.row, old != found.end());
    if (!status.ok()) failures.insert({device.index, std::move(status)});
  }
  return failures;
}

void PacketDevices::RemoveRows(const std::vector<PlannedDevice>& plan, const std::map<uint32_t, shunt_device>& found) {
  rows_left_ = absl::OkStatus();
  for (const auto& [index, row] : found) {
    const bool is_planned = absl::c_any_of(
        plan, [index = index](const PlannedDevice& device) { return device.index == index && device.row.has_value(); });
    if (is_planned) continue;
    rows_left_.Update(rows_->Remove(BytesOf(index)));
    gave_back_ = true;
  }
}

absl::StatusOr<DeviceHookChanges> PacketDevices::Follow() {
  // Before the announcements are consumed, because it is one.
  cuts_ = AcceptOwnSources().status();
  // First of all that reads, so that what changes from now on is announced again.
  if (absl::StatusOr<bool> changed = watch_.Drain(); !changed.ok()) return changed.status();
  const absl::StatusOr<std::vector<Link>> links = ReadSettledLinks();
  if (!links.ok()) return links.status();
  const absl::StatusOr<std::map<uint32_t, shunt_device>> found = ReadRows();
  if (!found.ok()) return found.status();
  const std::vector<PlannedDevice> plan = PlanDevices(*links, settings_);
  unmatched_ = UnmatchedDevices(*links, settings_);

  std::map<uint32_t, absl::Status> failures = PutRows(plan, *found);
  std::vector<HookedDevice> wanted, present;
  for (const PlannedDevice& device : plan) {
    present.push_back(HookedDevice{device.index, device.name});
    // Programs without a row would take the device for another kind; with an older one they go on as they are.
    const bool has_row = found->contains(device.index) || FailureOf(device.index, failures) == nullptr;
    if (device.attach && has_row) wanted.push_back(present.back());
  }
  DeviceHookChanges changes = hooks_.Follow(wanted, present);
  RemoveRows(plan, *found);

  hooks_left_ = absl::OkStatus();
  for (const auto& [index, failure] : changes.failures) {
    const bool is_wanted =
        absl::c_any_of(wanted, [index = index](const HookedDevice& one) { return one.index == index; });
    if (!is_wanted) hooks_left_.Update(failure);
  }
  failures.insert(changes.failures.begin(), changes.failures.end());
  devices_.clear();
  for (const PlannedDevice& device : plan) {
    devices_.push_back(StateOf(device, hooks_.kind(), FailureOf(device.index, failures)));
  }
  return changes;
}

report::DeviceReport PacketDevices::Report() const {
  report::DeviceReport report{.devices = {}, .unmatched = unmatched_};
  for (const DeviceState& state : devices_) report.devices.push_back(StatusOf(state));
  return report;
}

std::vector<std::string> PacketDevices::Problems() const {
  std::vector<std::string> problems;
  for (const DeviceState& device : devices_) {
    if (!device.wanted || device.in_force) continue;
    problems.push_back(absl::StrCat("device ", device.name, " is without the packet path: ", device.why_not));
  }
  for (const std::string& pattern : unmatched_) {
    problems.push_back(absl::StrCat("no device has the name ", pattern,
                                    ", which the settings give to the packet path: correct it, or remove it"));
  }
  for (const auto& [what, failure] :
       {std::pair("detach the packet path from a device", &hooks_left_), std::pair("forget a device", &rows_left_),
        std::pair("have IPv4 packets cut that are too big for their way", &cuts_)}) {
    if (!failure->ok()) problems.push_back(absl::StrCat("cannot ", what, ": ", failure->message()));
  }
  return problems;
}

}  // namespace shunt::datapath
